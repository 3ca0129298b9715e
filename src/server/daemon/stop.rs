//! The reasons for which the daemon stops, and the exit code of a command that a signal killed.

use nix::sys::signal::Signal;

/// Why the daemon stops.
pub(crate) enum StopReason {
    /// This signal was received.
    Signal(Signal),
    /// The command has exited with this code.
    Command(u8),
}

/// The exit code of a command that a signal killed, as in a shell: 128 plus the signal number.
pub fn exit_code_of(signal: Signal) -> u8 {
    u8::try_from(128 + signal as i32).unwrap_or(u8::MAX)
}
