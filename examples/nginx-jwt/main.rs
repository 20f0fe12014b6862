//! An inspector of tokens and keys, for operators: it judges with the module's own code.
//!
//! It is the program `nginx-jwt` of the packages; `scripts/jwt` builds and runs it; `docs/inspector.md` says how to use it.

mod argument;
mod conf;
mod decode;
mod describe;
mod encrypt;
mod fetch;
mod fetch_hints;
mod generate;
mod hints;
mod input;
mod issuers;
mod jwk;
mod key_sets;
mod keygen;
mod keys;
mod means;
mod mint;
mod pretty;
mod rule_hints;
mod rules;
mod sign;
mod time;
mod verify;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use input::Failure;

/// Looks into JSON Web Tokens and JWK Sets as ngx_http_auth_jwt_module does.
///
/// Exit status: 0 if all is well; 1 if the token would be refused, or nothing can be read of it;
/// 2 if the command line is wrong or a command fails.
#[derive(Parser)]
#[command(name = "nginx-jwt", version)]
enum Command {
    Decode(decode::Arguments),
    Verify(verify::Arguments),
    Keys(keys::Arguments),
    Mint(mint::Arguments),
    Keygen(keygen::Arguments),
}

/// What a command has to say, and whether all is well.
pub struct Report {
    pub text: String,
    pub good: bool,
}

fn main() -> ExitCode {
    if let Some(directory) = generate::asked_for() {
        return end(generate::run(&directory, Command::command()).map(|()| true));
    }
    let command = match Command::try_parse() {
        Ok(command) => command,
        Err(error) if error.use_stderr() => {
            eprint!("{}", argument::without_tokens(error.render().to_string()));
            return ExitCode::from(2);
        }
        Err(help) => help.exit(),
    };
    end(run(command))
}

fn end(result: Result<bool, Failure>) -> ExitCode {
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(failure) => {
            eprintln!("nginx-jwt: error: {}", argument::without_tokens(failure.to_string()));
            ExitCode::from(2)
        }
    }
}

fn run(command: Command) -> Result<bool, Failure> {
    let report = match command {
        Command::Decode(arguments) => decode::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Keys(arguments) => keys::run(&arguments),
        Command::Mint(arguments) => mint::run(&arguments),
        Command::Keygen(arguments) => keygen::run(&arguments),
    }?;
    match io::stdout().write_all(report.text.as_bytes()) {
        // Whoever reads has had enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        written => written?,
    }
    Ok(report.good)
}
