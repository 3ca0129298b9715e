//! An engine that keeps everything in memory: the second subject of the contract suite. It has no descriptors, no links and
//! no permissions, and shows what the contract asks of any engine.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read, Write};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use cfp::error::{Error, Result, shown};
use cfp::store::{
    ChangeProperties, Check, CompletedUpload, Content, Detail, Draft, Entries, Entry, Kind, Meta, Name,
    Partial, ReportProgress, Store, Transfer, Upkeep, Written,
};

/// The longest component, the longest path and the largest content it takes, in bytes.
const COMPONENT_MAX: usize = 255;
const PATH_MAX: usize = 4096;
const SIZE_MAX: u64 = 1 << 40;

type Path = Vec<Vec<u8>>;

#[derive(Default)]
pub struct Memory(Mutex<State>);

#[derive(Default)]
struct State {
    nodes: BTreeMap<Path, Node>,
    uploads: HashMap<String, Option<Upload>>,
    completed: HashMap<String, CompletedUpload>,
    /// How many contents and directories there have been: each has a tag of its own.
    tags: u64,
}

/// A file, or a directory, whose content is empty.
#[derive(Clone)]
struct Node {
    meta: Meta,
    bytes: Arc<Vec<u8>>,
    digest: Option<[u8; 32]>,
    properties: Vec<u8>,
}

/// A partial upload that nobody holds.
#[derive(Clone)]
struct Upload {
    name: Name,
    metadata: Vec<u8>,
    bytes: Vec<u8>,
}

impl State {
    fn node(&self, name: &Name) -> Option<Node> {
        match name.components() {
            [] => Some(self.directory(0)),
            path => self.nodes.get(path).cloned(),
        }
    }

    fn directory(&self, tag: u64) -> Node {
        let meta = Meta {
            kind: Kind::Directory,
            size: 0,
            modified: SystemTime::UNIX_EPOCH,
            etag: format!("\"{tag}\""),
        };
        Node { meta, bytes: Arc::default(), digest: None, properties: Vec::new() }
    }

    /// What a name leads to; with a final slash only to a directory.
    fn find(&self, name: &Name) -> Result<Node> {
        let is_long = name.components().iter().any(|component| component.len() > COMPONENT_MAX);
        if is_long || name.components().join(&b'/').len() > PATH_MAX {
            return Err(Error::not_found(
                name.beginning(),
                "is longer than the system takes: nothing has it",
            ));
        }
        let node = self.node(name).filter(|node| !name.is_directory() || node.meta.kind == Kind::Directory);
        node.ok_or_else(|| Error::not_found(name.shown(), "is not there"))
    }

    /// Refuses a name that nothing can be put under.
    fn require_parent(&self, name: &Name) -> Result<()> {
        let Some((last, above)) = name.components().split_last() else {
            return Err(Error::forbidden(name.shown(), "is the root and stays"));
        };
        if last.len() > COMPONENT_MAX {
            return Err(Error::invalid(name.beginning(), "is longer than the system takes"));
        }
        let is_directory = |node: Node| node.meta.kind == Kind::Directory;
        match Name::new(above.to_vec(), true)
            .ok()
            .and_then(|above| self.node(&above))
            .is_some_and(is_directory)
        {
            true => Ok(()),
            false => Err(no_parent(name)),
        }
    }

    /// Refuses what may not take the place of what is there.
    fn may_replace(&self, kind: Kind, to: &Name, replaces_any: bool) -> Result<()> {
        match (kind, self.node(to).map(|node| node.meta.kind)) {
            (Kind::File, _) if to.is_directory() => {
                Err(Error::conflict(to.shown(), "a file's name has no final slash"))
            }
            _ if replaces_any => Ok(()),
            (Kind::File, Some(Kind::Directory)) => Err(Error::is_directory(to.shown(), "is a directory")),
            (Kind::Directory, Some(Kind::Directory)) if !to.is_directory() => {
                let what = "is a directory: only with a final slash it is replaced, with all in it";
                Err(Error::is_directory(to.shown(), what))
            }
            _ => Ok(()),
        }
    }

    /// Puts a tree, whose paths are relative, in the place of what is there.
    fn install(&mut self, to: &Name, tree: Vec<(Path, Node)>) -> Written {
        let created = self.remove(to).is_empty();
        for (below, node) in tree {
            self.nodes.insert([to.components(), &below].concat(), node);
        }
        Written { created, meta: self.nodes[to.components()].meta.clone() }
    }

    /// Removes a name and all beneath it, and returns that with relative paths.
    fn remove(&mut self, name: &Name) -> Vec<(Path, Node)> {
        let tree = self.tree(name);
        for (below, _) in &tree {
            self.nodes.remove(&[name.components(), below].concat());
        }
        tree
    }

    fn tree(&self, name: &Name) -> Vec<(Path, Node)> {
        let top = name.components();
        let beneath = self.nodes.iter().filter(|(path, _)| path.starts_with(top));
        beneath.map(|(path, node)| (path[top.len()..].to_vec(), node.clone())).collect()
    }

    /// Checks a copy or a rename, and returns what stands at `from`.
    fn check_transfer(&self, transfer: Transfer<'_>) -> Result<Node> {
        let Transfer { from, to, source, target, replaces_any, .. } = transfer;
        let moved = self.find(from)?;
        self.require_parent(to)?;
        let (one, other) = (from.components(), to.components());
        match (other.starts_with(one), one.starts_with(other)) {
            (true, true) => return Err(Error::forbidden(to.shown(), "is the same file")),
            (false, false) => {}
            _ => return Err(Error::conflict(to.shown(), "one of the two lies inside the other")),
        }
        self.may_replace(moved.meta.kind, to, replaces_any)?;
        source(Some(&moved.meta))?;
        target(self.node(to).map(|node| node.meta).as_ref())?;
        Ok(moved)
    }
}

impl Memory {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draft(&self, name: &Name, bytes: Vec<u8>, kept: Option<(String, Vec<u8>)>) -> Writing<'_> {
        Writing {
            store: self,
            name: name.clone(),
            parent: self.parent_tag(name),
            bytes,
            kept,
            modified: None,
            ended: false,
        }
    }

    /// The tag of the directory that a name is in: a directory that was replaced meanwhile is another one.
    fn parent_tag(&self, name: &Name) -> Option<String> {
        let (_, above) = name.components().split_last()?;
        self.state().node(&Name::new(above.to_vec(), true).ok()?).map(|node| node.meta.etag)
    }
}

/// It needs none.
impl Upkeep for Memory {}

impl Store for Memory {
    fn meta(&self, name: &Name) -> Result<Meta> {
        self.state().find(name).map(|node| node.meta)
    }

    fn open(&self, name: &Name) -> Result<Box<dyn Content>> {
        let node = self.state().find(name)?;
        match node.meta.kind {
            Kind::File => Ok(Box::new(node)),
            Kind::Directory => Err(Error::is_directory(name.shown(), "is a directory")),
        }
    }

    fn list(&self, name: &Name, recursive: bool, detail: Detail) -> Result<Entries<'_>> {
        let state = self.state();
        state.find(&name.as_directory())?;
        let beneath = state.tree(name).into_iter().filter(move |(below, _)| match below.len() {
            0 => false,
            1 => true,
            _ => recursive,
        });
        let entries: Vec<_> = beneath
            .map(|(below, node)| {
                let kind = node.meta.kind;
                let stat = (detail != Detail::Names).then_some(node.meta.stat());
                let meta = matches!(detail, Detail::Metadata | Detail::Properties).then_some(node.meta);
                let properties = if detail == Detail::Properties { node.properties } else { Vec::new() };
                Ok(Entry { name: below.join(&b'/'), kind, is_link: false, stat, meta, properties })
            })
            .collect();
        Ok(Box::new(entries.into_iter()))
    }

    fn create(&self, name: &Name, size: Option<u64>, check: Check<'_>) -> Result<Box<dyn Draft + '_>> {
        {
            let state = self.state();
            check(state.node(name).map(|node| node.meta).as_ref())?;
            state.require_parent(name)?;
            state.may_replace(Kind::File, name, false)?;
        }
        match size {
            Some(size) if size > SIZE_MAX => {
                Err(Error::no_space(name.shown(), format!("no room for {size} bytes")))
            }
            _ => Ok(Box::new(self.draft(name, Vec::new(), None))),
        }
    }

    fn create_partial(
        &self,
        name: &Name,
        size: Option<u64>,
        check: Check<'_>,
        metadata: &[u8],
    ) -> Result<Option<Box<dyn Partial + '_>>> {
        drop(self.create(name, size, check)?);
        let mut state = self.state();
        state.tags += 1;
        let id = format!("{:032x}", state.tags);
        state.uploads.insert(id.clone(), None);
        drop(state);
        Ok(Some(Box::new(self.draft(name, Vec::new(), Some((id, metadata.to_vec()))))))
    }

    fn completed(&self, id: &[u8]) -> Result<Option<CompletedUpload>> {
        Ok(self.state().completed.get(&*String::from_utf8_lossy(id)).cloned())
    }

    fn resume(&self, id: &[u8]) -> Result<Box<dyn Partial + '_>> {
        let known = String::from_utf8_lossy(id).into_owned();
        let upload = match self.state().uploads.get_mut(&known) {
            None => return Err(Error::not_found(id, "is not an upload, or no longer one")),
            Some(upload) => upload.take().ok_or_else(|| Error::busy(id, "is in use"))?,
        };
        Ok(Box::new(self.draft(&upload.name, upload.bytes, Some((known, upload.metadata)))))
    }

    fn copy(&self, transfer: Transfer<'_>) -> Result<Written> {
        let Transfer { from, to, target, .. } = transfer;
        let mut state = self.state();
        let found = state.find(from)?;
        if found.meta.kind == Kind::Directory && !from.is_directory() {
            let what = "is a directory: only with a final slash it is copied, with all in it";
            return Err(Error::is_directory(from.shown(), what));
        }
        state.check_transfer(transfer)?;
        target(state.node(to).map(|node| node.meta).as_ref())?;
        let mut tree = state.tree(from);
        tree.retain(|(below, _)| !transfer.is_shallow || below.is_empty());
        for (_, node) in &mut tree {
            state.tags += 1;
            node.meta.etag = format!("\"{}\"", state.tags);
        }
        Ok(state.install(to, tree))
    }

    fn rename(&self, transfer: Transfer<'_>) -> Result<Written> {
        let Transfer { from, to, .. } = transfer;
        let mut state = self.state();
        if from.components().is_empty() {
            return Err(Error::forbidden(from.shown(), "is the root and stays"));
        }
        state.check_transfer(transfer)?;
        let tree = state.remove(from);
        Ok(state.install(to, tree))
    }

    fn delete(&self, name: &Name, check: Check<'_>, _: ReportProgress<'_>) -> Result<Option<Error>> {
        let mut state = self.state();
        if name.components().is_empty() {
            return Err(Error::forbidden(name.shown(), "is the root and stays"));
        }
        let found = state.find(name)?;
        if found.meta.kind == Kind::Directory && !name.is_directory() {
            let what = "is a directory: only with a final slash it is deleted, with all in it";
            return Err(Error::is_directory(name.shown(), what));
        }
        check(Some(&found.meta))?;
        state.remove(name);
        Ok(None)
    }

    fn properties(&self, name: &Name) -> Result<Vec<u8>> {
        self.state().find(name).map(|node| node.properties)
    }

    fn change_properties(&self, name: &Name, check: Check<'_>, change: ChangeProperties<'_>) -> Result<()> {
        let mut state = self.state();
        let found = state.find(name)?;
        check(Some(&found.meta))?;
        let properties = change(&found.properties)?;
        state.nodes.entry(name.components().to_vec()).and_modify(|node| node.properties = properties);
        Ok(())
    }

    fn make_directory(&self, name: &Name, check: Check<'_>) -> Result<()> {
        let mut state = self.state();
        let exists = || Error::already_exists(name.shown(), "exists already");
        if name.components().is_empty() {
            return Err(exists());
        }
        state.require_parent(name)?;
        let found = state.node(name).map(|node| node.meta);
        check(found.as_ref())?;
        if found.is_some() {
            return Err(exists());
        }
        state.tags += 1;
        let node = state.directory(state.tags);
        state.nodes.insert(name.components().to_vec(), node);
        Ok(())
    }
}

impl Content for Node {
    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn reader(&self, range: Range<u64>) -> io::Result<Box<dyn Read + '_>> {
        let within = |offset| usize::try_from(offset).unwrap_or(usize::MAX).min(self.bytes.len());
        Ok(Box::new(self.bytes.get(within(range.start)..within(range.end)).unwrap_or_default()))
    }

    fn digest(&self) -> Option<[u8; 32]> {
        self.digest
    }
}

/// A content on its way to a name; `kept` is the identifier and the metadata of a partial upload.
struct Writing<'s> {
    store: &'s Memory,
    name: Name,
    parent: Option<String>,
    bytes: Vec<u8>,
    kept: Option<(String, Vec<u8>)>,
    modified: Option<SystemTime>,
    ended: bool,
}

impl Write for Writing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Draft for Writing<'_> {
    fn set_modified(&mut self, seconds: i64) {
        let since = Duration::from_secs(seconds.unsigned_abs());
        self.modified = Some(match seconds < 0 {
            true => SystemTime::UNIX_EPOCH - since,
            false => SystemTime::UNIX_EPOCH + since,
        });
    }

    fn commit(mut self: Box<Self>, digest: Option<[u8; 32]>, check: Check<'_>) -> Result<Written> {
        self.ended = true;
        let mut state = self.store.state();
        if let Some((id, _)) = &self.kept {
            state.uploads.remove(id);
        }
        // A draft goes with the directory that it was begun in.
        let stands =
            |parent: &String| parent == "\"0\"" || state.nodes.values().any(|node| node.meta.etag == *parent);
        match self.parent.as_ref().is_some_and(stands) {
            true => state.require_parent(&self.name)?,
            false => return Err(no_parent(&self.name)),
        }
        state.may_replace(Kind::File, &self.name, false)?;
        check(state.node(&self.name).map(|node| node.meta).as_ref())?;
        state.tags += 1;
        let meta = Meta {
            kind: Kind::File,
            size: self.bytes.len() as u64,
            modified: self.modified.unwrap_or_else(SystemTime::now),
            etag: format!("\"{}\"", state.tags),
        };
        if let Some((id, _)) = &self.kept {
            let (name, size, etag) = (self.name.clone(), meta.size, meta.etag.clone());
            state.completed.insert(id.clone(), CompletedUpload { name, size, etag });
        }
        let properties = state.node(&self.name).map(|node| node.properties).unwrap_or_default();
        let node = Node { meta, bytes: Arc::new(std::mem::take(&mut self.bytes)), digest, properties };
        Ok(state.install(&self.name, vec![(Vec::new(), node)]))
    }
}

impl Partial for Writing<'_> {
    fn id(&self) -> &str {
        self.kept.as_ref().map_or("", |(id, _)| id)
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn metadata(&self) -> &[u8] {
        self.kept.as_ref().map_or(&[], |(_, metadata)| metadata)
    }

    fn set_metadata(&mut self, metadata: &[u8]) -> Result<()> {
        self.kept.iter_mut().for_each(|(_, kept)| *kept = metadata.to_vec());
        Ok(())
    }

    fn size(&self) -> Result<u64> {
        Ok(self.bytes.len() as u64)
    }

    fn time_left(&self) -> Duration {
        Duration::MAX
    }

    fn reader(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(self.bytes.as_slice()))
    }

    fn truncate(&mut self, size: u64) -> Result<()> {
        self.bytes.truncate(usize::try_from(size).unwrap_or(usize::MAX));
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        Ok(())
    }

    fn remove(mut self: Box<Self>) {
        self.ended = true;
        self.store.state().uploads.remove(self.id());
    }
}

/// A partial upload that is dropped stays.
impl Drop for Writing<'_> {
    fn drop(&mut self) {
        if let (false, Some((id, metadata))) = (self.ended, self.kept.take()) {
            let upload = Upload { name: self.name.clone(), metadata, bytes: std::mem::take(&mut self.bytes) };
            self.store.state().uploads.insert(id, Some(upload));
        }
    }
}

fn no_parent(name: &Name) -> Error {
    let above = name.components().split_last().map(|(_, above)| above).unwrap_or_default();
    let directory: Vec<u8> =
        above.iter().flat_map(|component| [component, b"/".as_slice()].concat()).collect();
    Error::no_parent(name.shown(), format!("no directory /{}", shown(&directory)))
}
