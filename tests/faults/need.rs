//! What a test needs of the machine. One that does not get it is left out, and says so.

/// Whether this is root and the programs are here.
pub fn root_and(programs: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_here =
        |program: &&&str| std::env::split_paths(&path).any(|directory| directory.join(program).is_file());
    let missing: Vec<_> = programs.iter().filter(|program| !is_here(program)).collect();
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root || !missing.is_empty() {
        let test = std::thread::current().name().unwrap_or_default().to_owned();
        let root = if is_root { "" } else { ", not root" };
        eprintln!("SKIPPED {test}: missing {missing:?}{root}");
    }
    is_root && missing.is_empty()
}
