//! Builds the inspector and runs it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::{env, fs, process};

pub use super::support::Outcome;

/// The built example. cargo builds examples with all tests, but not with `--test inspector` alone.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let own = env::current_exe().unwrap_or_default();
        let profile = own.ancestors().nth(2).unwrap_or(Path::new("")).to_owned();
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--example", "nginx-jwt", "--target-dir"]);
        cargo.arg(profile.parent().unwrap_or(&profile)).current_dir(env!("CARGO_MANIFEST_DIR"));
        cargo.args((!cfg!(feature = "nginx")).then_some("--no-default-features"));
        cargo.args((!cfg!(debug_assertions)).then_some("--release"));
        assert!(cargo.status().is_ok_and(|status| status.success()), "the example does not build");
        profile.join("examples/nginx-jwt")
    })
}

/// What a run has left behind.
pub struct Run {
    pub code: i32,
    pub out: String,
    pub errors: String,
}

pub fn run_with(input: &str, arguments: &[&str]) -> Outcome<Run> {
    run_at(&env::current_dir()?, input, arguments, None)
}

/// A run whose environment has a variable more.
pub fn run_where(variable: (&str, &str), arguments: &[&str]) -> Outcome<Run> {
    run_at(&env::current_dir()?, "", arguments, Some(variable))
}

/// A run whose working directory is `directory`.
pub fn run_in(directory: &Directory, input: &str, arguments: &[&str]) -> Outcome<Run> {
    run_at(&directory.0, input, arguments, None)
}

fn run_at(
    directory: &Path,
    input: &str,
    arguments: &[&str],
    variable: Option<(&str, &str)>,
) -> Outcome<Run> {
    let mut child = Command::new(program())
        .args(arguments)
        .envs(variable)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    // A program that reads nothing may be gone already.
    let _ = child.stdin.take().ok_or("no standard input")?.write_all(input.as_bytes());
    let Output { status, stdout, stderr } = child.wait_with_output()?;
    let code = status.code().ok_or("ended by a signal")?;
    Ok(Run { code, out: String::from_utf8(stdout)?, errors: String::from_utf8(stderr)? })
}

pub fn run(arguments: &[&str]) -> Outcome<Run> {
    run_with("", arguments)
}

/// What a run that must succeed prints.
pub fn out(arguments: &[&str]) -> Outcome<String> {
    let run = run(arguments)?;
    if run.code == 0 { Ok(run.out) } else { Err(format!("{arguments:?}: {}", run.errors).into()) }
}

/// A directory of its own, gone at the end.
pub struct Directory(PathBuf);

impl Directory {
    pub fn new(name: &str) -> Outcome<Self> {
        let directory = env::temp_dir().join(format!("jwt-inspector-{name}-{}", process::id()));
        fs::create_dir(&directory)?;
        Ok(Self(directory))
    }

    pub fn file(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }

    /// A file that holds `text`.
    pub fn holding(&self, name: &str, text: &str) -> Outcome<String> {
        fs::write(self.0.join(name), text)?;
        Ok(self.file(name))
    }

    /// The private JWK that `keygen` makes.
    pub fn key(&self, name: &str, arguments: &[&str]) -> Outcome<String> {
        let file = self.file(name);
        out(&[&["keygen", "--private", &file], arguments].concat())?;
        Ok(file)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
