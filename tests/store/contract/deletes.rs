//! `delete`, on every engine.

use super::New;
use crate::store::sandbox::{Verbs, name, never, status, unwatched};

contract!(a_file_goes_and_a_directory_only_with_its_slash);

fn a_file_goes_and_a_directory_only_with_its_slash(new: New) {
    let rows: [(&str, u16, &[&str]); 7] = [
        ("/f", 200, &["d", "d/in"]),
        ("/d/in", 200, &["d", "f"]),
        ("/d/", 200, &["f"]),
        ("/d", 409, &["d", "d/in", "f"]),
        ("/f/", 404, &["d", "d/in", "f"]),
        ("/no", 404, &["d", "d/in", "f"]),
        ("/", 403, &["d", "d/in", "f"]),
    ];
    for (path, wanted, left) in rows {
        let sandbox = new().with(&["f", "d/in"]);
        assert_eq!(
            status(sandbox.store.delete(&name(path), &never, &unwatched)),
            if wanted == 200 { 412 } else { wanted }
        );
        assert_eq!(status(sandbox.delete(path)), wanted, "{path}");
        assert_eq!(sandbox.everything(), left, "{path}");
    }
    let sandbox = new().with(&["d/"]);
    let line = "/d: is a directory: only with a final slash it is deleted, with all in it";
    assert_eq!(sandbox.delete("/d").unwrap_err().to_string(), line);
}
