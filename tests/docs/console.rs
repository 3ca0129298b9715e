//! Sessions in Markdown: the lines of ```` ```console ```` fences that begin with `$ ` are commands, and what stands
//! below a command is what it prints. It runs them and knows nothing of what they do.

use crate::common::Sandbox;

/// One command of a page.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    /// The number of its first line in the page, from 1.
    pub line: usize,
    /// The shell command; it may go on over lines that end in a backslash.
    pub command: String,
    /// What it prints, where the page says so.
    pub output: Option<String>,
}

/// The commands of a page, in order.
pub fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let (mut inside, mut goes_on) = (false, false);
    for (number, line) in page.lines().enumerate() {
        let last = steps.last_mut().filter(|_| inside);
        if line.starts_with("```") {
            (inside, goes_on) = (line == "```console", false);
        } else if let (true, Some(command)) = (inside, line.strip_prefix("$ ")) {
            goes_on = command.ends_with('\\');
            steps.push(Step { line: number + 1, command: command.to_owned(), output: None });
        } else if let Some(step) = last {
            if goes_on {
                step.command += &format!("\n{line}");
                goes_on = line.ends_with('\\');
            } else {
                *step.output.get_or_insert_default() += &format!("{line}\n");
            }
        }
    }
    steps
}

/// Runs the commands of the page `name` in order; each must succeed and print what the page says.
pub fn run(sandbox: &Sandbox, name: &str, page: &str) {
    let steps = steps(page);
    assert!(!steps.is_empty(), "{name} holds no commands");
    for Step { line, command, output } in steps {
        let said = sandbox.sh(&command).append_context("page", format!("{name}:{line}")).success();
        if let Some(output) = output {
            said.stdout(output);
        }
    }
}
