//! Files that a command line names twice: an output that is also read, or written by another, would be
//! destroyed before anybody notices.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Finds the first of `outputs` that is the same file as another output or an input, by what the file
/// system says: links count. Returns the names of the two. Devices and pipes may be named twice.
pub(super) fn named_twice<'a>(
    inputs: &[(&'a str, &Path)],
    outputs: &[(&'a str, &Path)],
) -> Option<(&'a str, &'a str)> {
    let mut known: Vec<(&str, Identity)> = identified(inputs).collect();
    for (name, identity) in identified(outputs) {
        if let Some((other, _)) = known.iter().find(|(_, other)| *other == identity) {
            return Some((other, name));
        }
        known.push((name, identity));
    }
    None
}

#[derive(PartialEq, Eq)]
enum Identity {
    /// Device and inode.
    There(u64, u64),
    /// One that is yet to be made: where it will be.
    Absent(PathBuf),
}

fn identified<'a>(files: &[(&'a str, &Path)]) -> impl Iterator<Item = (&'a str, Identity)> {
    files.iter().filter_map(|(name, path)| Some((*name, identity(path)?)))
}

/// `None` for what is no file, or cannot be looked at: opening it says why.
fn identity(path: &Path) -> Option<Identity> {
    if let Ok(found) = fs::metadata(path) {
        return found.is_file().then(|| Identity::There(found.dev(), found.ino()));
    }
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let folder = fs::canonicalize(folder.unwrap_or(Path::new("."))).ok()?;
    Some(Identity::Absent(folder.join(path.file_name()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_that_is_named_twice_is_found_through_links_and_before_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("events"), "").unwrap();
        fs::hard_link(at("events"), at("hard")).unwrap();
        std::os::unix::fs::symlink(at("events"), at("soft")).unwrap();
        fs::create_dir(at("below")).unwrap();
        for output in ["events", "hard", "soft", "below/../events"] {
            let found = named_twice(&[("in", &at("events"))], &[("out", &at(output))]);
            assert_eq!(found, Some(("in", "out")), "{output}");
        }
        let twice = [("out", &*at("new")), ("bills", &*at("below/../new"))];
        assert_eq!(named_twice(&[], &twice), Some(("out", "bills")));
        let apart = [("out", &*at("new")), ("bills", &*at("newer"))];
        assert_eq!(named_twice(&[("in", &at("events"))], &apart), None);
        assert_eq!(named_twice(&[("a", &at("events")), ("b", &at("events"))], &[]), None);
    }

    #[test]
    fn what_is_no_file_may_be_named_twice() {
        let nowhere = Path::new("/dev/null");
        assert_eq!(named_twice(&[("in", nowhere)], &[("out", nowhere), ("b", nowhere)]), None);
        assert_eq!(named_twice(&[("in", Path::new("-"))], &[("out", Path::new("no/such"))]), None);
    }
}
