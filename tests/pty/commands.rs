//! Each command on files and directories, typed.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::person::Person;
use crate::common::Sandbox;

// Row D1.
#[test]
fn a_file_is_stored_listed_with_its_size_fetched_and_deleted() {
    let sandbox = Sandbox::new();
    sandbox.write("bio.txt", "0123456789");
    let mut person = Person::start(&sandbox);
    assert_eq!(person.says("list"), "There are no files.");
    assert_eq!(person.says("upload bio.txt"), "bio.txt is stored as :bio.txt.");
    assert_eq!(person.says("list"), "bio.txt");
    let long = person.says("list -l");
    assert!(long.trim_start().starts_with("10 20") && long.ends_with("Z bio.txt"), "{long}");
    assert_eq!(person.says("list -l bio.txt"), long);
    assert_eq!(person.says("download bio.txt back.txt"), ":bio.txt is stored here as back.txt.");
    assert_eq!(person.says("delete bio.txt"), ":bio.txt is deleted.");
    person.leave();
    assert_eq!(fs::read_to_string(sandbox.work().join("back.txt")).unwrap(), "0123456789");
    assert!(sandbox.all_stored().is_empty());
}

#[test]
fn several_files_are_stored_in_a_directory_or_as_one_new_name() {
    let sandbox = Sandbox::new();
    for name in ["a.txt", "b.txt", "c.md", "d/a.txt"] {
        sandbox.write(name, name);
    }
    let mut person = Person::start(&sandbox);
    assert_eq!(
        person.says("upload *.txt pub/"),
        "a.txt is stored as :pub/a.txt.\nb.txt is stored as :pub/b.txt."
    );
    assert_eq!(person.says("put a.txt c.md"), "a.txt is stored as :a.txt.\nc.md is stored as :c.md.");
    // A directory that is there needs no slash.
    assert_eq!(person.says("upload c.md pub"), "c.md is stored as :pub/c.md.");
    assert_eq!(person.says("upload c.md :other"), "c.md is stored as :other.");
    assert_eq!(person.says("upload c.md another"), "c.md is stored as :another.");
    assert_eq!(
        person.says("mput ?.txt :new/dir"),
        "a.txt is stored as :new/dir/a.txt.\nb.txt is stored as :new/dir/b.txt."
    );
    // Two files of one name are refused before anything is sent.
    let said = person.says("upload a.txt d/a.txt twice/");
    assert_eq!(said, "cfp-shell: d/a.txt: would replace a.txt: both go to :twice/a.txt");
    // The second is stored although the first is not there.
    let said = person.says("upload none.txt c.md :rest/");
    assert_eq!(said, "cfp-shell: none.txt: no such file or directory\nc.md is stored as :rest/c.md.");
    assert!(person.says("upload :a.txt").contains(":a.txt: is on the server"));
    person.leave();
    assert_eq!(
        sandbox.all_stored(),
        [
            "a.txt",
            "another",
            "c.md",
            "new",
            "new/dir",
            "new/dir/a.txt",
            "new/dir/b.txt",
            "other",
            "pub",
            "pub/a.txt",
            "pub/b.txt",
            "pub/c.md",
            "rest",
            "rest/c.md"
        ]
    );
}

#[test]
fn several_files_are_fetched_into_a_directory() {
    let sandbox = Sandbox::new();
    for name in ["a.txt", "b.txt", "c.md", "d/a.txt"] {
        sandbox.keep(name, name);
    }
    fs::create_dir(sandbox.work().join("here")).unwrap();
    let mut person = Person::start(&sandbox);
    assert_eq!(
        person.says("download *.txt here"),
        ":a.txt is stored here as here/a.txt.\n:b.txt is stored here as here/b.txt."
    );
    assert_eq!(
        person.says("mget :c.md a.txt"),
        ":c.md is stored here as c.md.\n:a.txt is stored here as a.txt."
    );
    assert_eq!(person.says("get d/*.txt new/"), ":d/a.txt is stored here as new/a.txt.");
    assert_eq!(person.says("get -c c.md ./again"), ":c.md is stored here as ./again.");
    let said = person.says("download a.txt d/a.txt");
    assert_eq!(said, "cfp-shell: :d/a.txt: would replace :a.txt: both go to a.txt");
    let said = person.says("download none b.txt");
    assert!(
        said.starts_with("cfp-shell: :none: ") && said.ends_with(":b.txt is stored here as b.txt."),
        "{said}"
    );
    assert!(person.says("download d").contains(":d: is a directory"));
    assert!(person.says("download a.txt b.txt c.md ./file").contains("./file: is not a directory"));
    person.leave();
    for name in ["here/a.txt", "here/b.txt", "c.md", "a.txt", "new/a.txt", "again", "b.txt"] {
        assert!(sandbox.work().join(name).is_file(), "{name}");
    }
    assert!(!sandbox.work().join("none").exists());
}

#[test]
fn a_directory_is_deleted_with_an_option_and_a_yes() {
    let sandbox = Sandbox::new();
    for name in ["d/f", "e/f", "f", "g", "h"] {
        sandbox.keep(name, "text");
    }
    let mut person = Person::start(&sandbox);
    assert_eq!(person.says("delete d"), "cfp-shell: :d: is a directory: use -r");
    for no in ["no", "", "x"] {
        person.says("delete -r d");
        person.expect("Delete the directory :d and everything in it (yes or no)? ");
        assert_eq!(person.says(no), ":d is kept.");
    }
    person.says("rm -r d");
    person.press("\x03");
    assert_eq!(person.waits().rsplit('\n').next(), Some(":d is kept."));
    person.says("delete -r d e f");
    person.expect("directory :d ");
    person.says("yes");
    person.expect("directory :e ").press("\x15");
    assert_eq!(person.says("YES").lines().last(), Some(":f is deleted."));
    assert_eq!(person.says("del g h"), ":g is deleted.\n:h is deleted.");
    assert_eq!(person.says("delete -r /"), "cfp-shell: the root cannot be deleted");
    person.leave();
    assert!(sandbox.all_stored().is_empty());
}

#[test]
fn names_begin_at_the_directory_that_was_chosen() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", "text");
    sandbox.write("local", "text");
    let mut person = Person::start(&sandbox);
    assert_eq!(person.says("pwd"), ":/");
    assert_eq!(person.says("mkdir a/b"), ":a/b/ is made.");
    assert_eq!(person.says("mkdir a"), "cfp-shell: :a: exists already");
    assert_eq!(person.says("cd a/b"), "");
    assert_eq!(person.says("pwd"), ":/a/b");
    assert_eq!(person.says("upload local"), "local is stored as :local.");
    assert_eq!(person.says("copy local ../copy"), ":local is copied to :../copy.");
    assert_eq!(person.says("copy /f :"), ":/f is copied to :/f.");
    assert_eq!(person.says("list"), "f\nlocal");
    assert_eq!(person.says("list ."), "f\nlocal");
    assert_eq!(person.says("list *"), "f\nlocal");
    assert_eq!(person.says("CD .."), "");
    assert_eq!(person.says("rename copy b"), ":copy is now :b/copy.");
    assert_eq!(person.says("list b/c*"), "b/copy");
    assert_eq!(person.says("cd none"), "cfp-shell: :none: no such file or directory");
    assert_eq!(person.says("cd /f"), "cfp-shell: :/f: is a file, not a directory");
    assert_eq!(person.says("cd"), "");
    assert_eq!(person.says("list a"), "b/");
    assert!(person.says("list ../x").contains("`.` and `..` are not names"));
    person.leave();
    assert_eq!(sandbox.all_stored(), ["a", "a/b", "a/b/copy", "a/b/f", "a/b/local", "f"]);
}

#[test]
fn local_files_begin_at_the_local_directory_that_was_chosen() {
    let sandbox = Sandbox::new();
    sandbox.write("d/f", "text");
    let work = sandbox.work().canonicalize().unwrap();
    let mut person = Person::start(&sandbox);
    assert_eq!(person.says("lpwd"), work.to_str().unwrap());
    assert_eq!(person.says("lcd d"), "");
    assert_eq!(person.says("upload f"), "f is stored as :f.");
    assert_eq!(person.says("lcd none"), "cfp-shell: none: no such file or directory");
    assert_eq!(person.says("download f g"), ":f is stored here as g.");
    assert_eq!(person.says("lcd .."), "");
    assert_eq!(person.says("!ls -1 d"), "f\ng");
    assert_eq!(person.says("lcd"), "");
    assert_eq!(person.says("lpwd"), work.with_file_name("home").to_str().unwrap());
    person.leave();
}

#[test]
fn a_command_of_this_machine_is_run_with_the_terminal() {
    let sandbox = Sandbox::new();
    let mut person = Person::start(&sandbox);
    assert_eq!(person.says("!echo hello > f; cat f"), "hello");
    assert_eq!(person.says("!test -t 0 && test -t 1 && echo terminal"), "terminal");
    assert_eq!(person.says("  ! exit 3"), "cfp-shell: !exit 3: exit status 3");
    // ^C ends the command, and not the shell.
    person.enter("!echo begins; exec sleep 1000").expect("begins");
    assert!(person.interrupt().ends_with("cfp-shell: !echo begins; exec sleep 1000: exit status 130"));
    assert_eq!(person.says("upload f"), "f is stored as :f.");
    person.leave();
}

#[test]
fn commands_have_any_case_and_the_names_of_other_systems() {
    let sandbox = Sandbox::new();
    for name in ["a", "b", "c"] {
        sandbox.write(name, "text\n");
    }
    let mut person = Person::start(&sandbox);
    assert_eq!(person.says("PUT a"), "a is stored as :a.");
    assert_eq!(person.says("Send b"), "b is stored as :b.");
    assert_eq!(person.says("DIR"), "a\nb");
    assert_eq!(person.says("ls"), "a\nb");
    assert_eq!(person.says("mv a d"), ":a is now :d.");
    assert_eq!(person.says("ren d a"), ":d is now :a.");
    assert_eq!(person.says("cp a c"), ":a is copied to :c.");
    assert_eq!(person.says("cat :c"), "text");
    assert_eq!(person.says("TYPE c"), "text");
    assert_eq!(person.says("md dir"), ":dir/ is made.");
    assert_eq!(person.says("rm c"), ":c is deleted.");
    assert_eq!(person.says("get a fetched"), ":a is stored here as fetched.");
    assert_eq!(person.says("help !"), "!COMMAND\nrun a command of this machine.");
    assert_eq!(person.says("format c:"), "cfp-shell: format: no such command, `help` lists them");
    for name in ["Exit", "QUIT", "bye"] {
        let mut person = Person::start(&sandbox);
        person.enter(name).expect("Goodbye.");
        assert_eq!(person.ends(), Some(0));
    }
    person.leave();
}

#[test]
fn the_help_fits_a_terminal_and_has_every_command() {
    let sandbox = Sandbox::new();
    let mut person = Person::start(&sandbox);
    let help = person.says("help");
    for line in help.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    for usage in [
        "list [-l] [DIR]",
        "upload FILE... [DIR]",
        "download [-c] NAME... [DIR]",
        "rename OLD NEW",
        "copy OLD NEW",
        "delete [-r] NAME...",
        "mkdir DIR",
        "WORD IN",
        "OLD NEW IN OUT",
        "IN OUT",
        "display FILE",
        "cd [DIR]",
        "pwd",
        "lcd [DIR]",
        "lpwd",
        "!COMMAND",
        "logout",
    ] {
        assert!(help.contains(usage), "{usage} is not in {help}");
    }
    let one = person.says("HELP Search");
    assert!(one.contains("--ignore-case") && one.contains("grep"), "{one}");
    person.leave();
}

#[test]
fn wrong_use_is_told_in_one_line_and_the_session_goes_on() {
    let sandbox = Sandbox::new();
    let mut person = Person::start(&sandbox);
    for (line, said) in [
        ("list -x", "unknown option -x"),
        ("rename a b c", "more than `rename OLD NEW` was given"),
        ("search 'a", "a ' is not closed"),
        ("upload ''", "FILE is empty"),
        ("download none", ":none: "),
        ("search '' :f", "empty"),
    ] {
        let heard = person.says(line);
        assert!(heard.starts_with("cfp-shell: ") && heard.contains(said), "{line}: {heard}");
        assert_eq!(heard.lines().count(), 1, "{heard}");
    }
    // Nothing happens on a line without a command.
    for line in ["", "   ", "# a comment", "list # of all"] {
        assert_eq!(person.says(line), if line.starts_with("list") { "There are no files." } else { "" });
    }
    person.leave();
}

#[test]
fn commands_are_remembered_for_the_next_session_by_their_user_alone() {
    let sandbox = Sandbox::new();
    let state = sandbox.work().with_file_name("home").join(".local/state/cfp/history");
    let mut person = Person::start(&sandbox);
    person.says("list -l");
    person.says(" list secret");
    person.says("mkdir");
    person.expect("Directory on the server: ");
    person.says("answered");
    person.leave();
    let kept = fs::read_to_string(&state).unwrap();
    assert!(kept.contains("list -l\nmkdir\nlogout\n"), "{kept}");
    assert!(!kept.contains("secret") && !kept.contains("answered"), "{kept}");
    assert_eq!(fs::metadata(&state).unwrap().permissions().mode() & 0o777, 0o600);
    let mut person = Person::start(&sandbox);
    // Three lines up: logout, mkdir, list -l.
    assert!(person.says("\x1b[A\x1b[A\x1b[A").ends_with(" answered/"));
    person.leave();
}
