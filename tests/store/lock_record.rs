//! The record of locks: replaced as a whole, seen by every engine of the directory, and out of reach of names.

use cfp::error::{Error, ErrorKind};
use cfp::store::{Name, Store, Upkeep};

use super::sandbox::Sandbox;

#[test]
fn a_record_is_what_was_last_made_of_it_and_another_version_each_time() {
    let sandbox = Sandbox::new();
    let (one, other) = (&sandbox.store, sandbox.second());
    assert!(one.lock_record().unwrap().is_none() && one.lock_record_version().unwrap().is_none());
    let append = |store: &dyn Store, text: &'static [u8]| {
        store.update_lock_record(None, &mut |present| Ok([present, text].concat())).unwrap()
    };
    let mut versions = Vec::new();
    for (store, text, all) in
        [(one as &dyn Store, &b"a"[..], &b"a"[..]), (&other, b"b", b"ab"), (one, b"", b"ab")]
    {
        let version = append(store, text);
        for store in [one as &dyn Store, &other] {
            assert_eq!(store.lock_record().unwrap(), Some((all.to_vec(), version.clone())));
            assert_eq!(store.lock_record_version().unwrap().as_ref(), Some(&version));
        }
        assert!(!versions.contains(&version));
        versions.push(version);
    }
    let refused = one.update_lock_record(None, &mut |_| Err(Error::busy("locks", "are busy")));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Busy);
    assert_eq!(one.lock_record().unwrap().unwrap().0, b"ab");
    assert_eq!(sandbox.everything(), [".cfpd-dav-locks"], "no temporary file is left");
    assert!(Name::new(vec![b".cfpd-dav-locks".to_vec()], false).is_err());
    assert_eq!((one.sweep().unwrap(), one.lock_record().unwrap().is_some()), (0, true));
}

#[test]
fn what_stands_in_the_place_of_the_record_is_not_followed() {
    let sandbox = Sandbox::new().linked(&[(".cfpd-dav-locks", "../outside/secret")]);
    assert!(sandbox.store.lock_record().is_err());
    assert!(sandbox.store.update_lock_record(None, &mut |_| Ok(b"x".to_vec())).is_err());
    assert_eq!(std::fs::read(sandbox.outside("secret")).unwrap(), b"secret");
}
