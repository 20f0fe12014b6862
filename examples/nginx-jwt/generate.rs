//! `nginx-jwt generate DIRECTORY`, which no help tells of: what packages ship beside the program.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;
use jiff::Timestamp;

use super::input::Failure;

/// The directory, where the command line is this one. It is no command of clap's, which would complete it.
pub fn asked_for() -> Option<PathBuf> {
    let mut arguments = env::args_os().skip(1);
    match (arguments.next(), arguments.next(), arguments.next()) {
        (Some(command), Some(directory), None) if command == "generate" => Some(directory.into()),
        _ => None,
    }
}

/// Writes `man1/`, a page for each command, and `completions/`, a file for each shell.
pub fn run(directory: &Path, mut program: Command) -> Result<(), Failure> {
    let pages = directory.join("man1");
    fs::create_dir_all(&pages)?;
    let mut documented = program.clone().disable_help_subcommand(true);
    documented.build();
    let version = program.get_version().unwrap_or_default();
    let date = date()?;
    for command in [&documented].into_iter().chain(documented.get_subcommands()) {
        Man::new(command.clone())
            .date(&date)
            .source(format!("nginx-jwt {version}"))
            .manual("JSON Web Tokens in nginx")
            .generate_to(&pages)?;
    }

    let completions = directory.join("completions");
    fs::create_dir_all(&completions)?;
    fs::write(completions.join("nginx-jwt.bash"), bash(&program)?)?;
    for shell in [Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut program, "nginx-jwt", &completions)?;
    }
    Ok(())
}

/// As for a program "nginx_jwt": where there is a "-" in the name, clap_complete 4.6.11 calls commands
/// otherwise where it finds them than where it completes their options.
fn bash(program: &Command) -> Result<String, Failure> {
    const NAME: &str = "nginx_jwt";
    let mut text = Vec::new();
    clap_complete::generate(Shell::Bash, &mut program.clone().name(NAME), NAME, &mut text);
    // Bash tells the function the name of the program; it stands where the function is registered.
    let text = String::from_utf8(text)?;
    let registered = text.lines().map(|line| match line.strip_suffix(NAME) {
        Some(complete) if complete.trim_start().starts_with("complete ") => {
            format!("{complete}nginx-jwt\n")
        }
        _ => format!("{line}\n"),
    });
    Ok(registered.collect())
}

/// That of the release, so that the pages are the same whenever they are made.
fn date() -> Result<String, Failure> {
    let moment = match env::var("SOURCE_DATE_EPOCH") {
        Ok(seconds) => Timestamp::from_second(seconds.parse()?)?,
        Err(_) => Timestamp::now(),
    };
    Ok(moment.strftime("%Y-%m-%d").to_string())
}
