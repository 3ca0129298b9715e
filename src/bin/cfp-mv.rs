//! cfp-mv: renames a file or a directory on the server. A rename is atomic there.

use std::process::ExitCode;

use cfp::cli::{self, Completion, Program};
use cfp::tools::relocation::{OPTIONS, Relocation};

/// The name of the program, its usage and its options.
pub const PROGRAM: Program = Program {
    name: "cfp-mv",
    usage: &["[-n] [option ...] OLD NEW", "[-n] [option ...] --files-from FILE NEW"],
    about: &["Renames OLD on the server to NEW, or into NEW if that is a directory."],
    options: OPTIONS,
    operands: Completion::Stored,
    examples: &["cfp-mv notes.txt pub/notes.txt"],
};

fn main() -> ExitCode {
    cli::main(&PROGRAM, Relocation::parse, |relocation| relocation.run(PROGRAM.name, "MOVE"))
}
