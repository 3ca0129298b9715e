//! cfp-cp: copies a file or a directory on the server. The bytes never leave it.

use std::process::ExitCode;

use cfp::cli::{self, Completion, Program};
use cfp::tools::relocation::{OPTIONS, Relocation};

/// The name of the program, its usage and its options.
pub const PROGRAM: Program = Program {
    name: "cfp-cp",
    usage: &["[-n] [option ...] OLD NEW", "[-n] [option ...] --files-from FILE NEW"],
    about: &["Copies OLD on the server to NEW, or into NEW if that is a directory."],
    options: OPTIONS,
    operands: Completion::Stored,
    examples: &["cfp-cp notes.txt pub/notes.txt"],
};

fn main() -> ExitCode {
    cli::main(&PROGRAM, Relocation::parse, |relocation| relocation.run(PROGRAM.name, "COPY"))
}
