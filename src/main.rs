//! The `rebalab` command.

fn main() -> std::process::ExitCode {
    rebalab::cli::main()
}
