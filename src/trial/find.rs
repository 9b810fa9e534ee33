//! Finding case files below the paths that somebody named.

use std::path::{Path, PathBuf};

use super::Case;

/// Why cases cannot be run; always with the file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not JSON, or has a field that no case has.
    #[error("{}:{line}:{column}: {message}", path.display())]
    NotACase {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// A file's fields do not make a case.
    #[error("{}: {message}", path.display())]
    BadCase {
        /// The file.
        path: PathBuf,
        /// The field and what is wrong with it.
        message: String,
    },
    /// A folder holds nothing to run.
    #[error("no case files below {} (cases are *.json, definitions *.asl.json)", path.display())]
    NoCases {
        /// The folder.
        path: PathBuf,
    },
}

impl Error {
    /// What serde_json found, with its place apart.
    pub(super) fn json(path: &Path, error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default().to_owned();
        Self::NotACase { path: path.to_owned(), line, column, message }
    }
}

/// Reads the cases that `paths` name: files, and folders with all below them, in the order of
/// their paths.
///
/// # Errors
/// All that is wrong, not only the first; nothing is run then.
pub fn find(paths: &[PathBuf]) -> Result<Vec<Case>, Vec<Error>> {
    let mut files = Vec::new();
    let mut errors = Vec::new();
    for path in paths {
        let known = files.len();
        let found = if path.is_dir() {
            collect(path, &mut files)
        } else {
            files.push(path.clone());
            Ok(())
        };
        match found {
            Err(error) => errors.push(error),
            Ok(()) if files.len() == known => errors.push(Error::NoCases { path: path.clone() }),
            Ok(()) => files[known..].sort(),
        }
    }
    let mut cases = Vec::with_capacity(files.len());
    for file in &files {
        match Case::read(file) {
            Ok(case) => cases.push(case),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(cases) } else { Err(errors) }
}

/// Adds the case files of a folder: `*.json` that are neither definitions, mock configurations nor
/// hidden.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let failed = |source| Error::Read { path: folder.to_owned(), source };
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with('.') || name == "MockConfigFile.json" {
            continue;
        }
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|it| it == "json") && !name.ends_with(".asl.json") {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The case of a file with this text.
    pub(in crate::trial) fn case(text: &str) -> Case {
        Case::parse(Path::new("cases/case.json"), text).expect("a case")
    }

    const CASE: &str = r#"{"definition_file": "pay.asl.json", "expect": {"status": "FAILED"}}"#;

    #[test]
    fn a_folder_gives_all_its_cases_and_no_definitions() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("pay");
        std::fs::create_dir_all(inner.join(".git")).expect("made");
        for (name, text) in [
            ("b.json", CASE),
            ("a.json", CASE),
            ("pay.asl.json", "{}"),
            (".git/x.json", "["),
            ("MockConfigFile.json", "{}"),
        ] {
            std::fs::write(inner.join(name), text).expect("written");
        }
        let cases = find(&[folder.path().to_owned()]).expect("cases");
        let names: Vec<_> = cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!((cases[0].area.as_str(), cases[0].definition.as_str()), ("pay", "{}"));
    }

    #[test]
    fn every_mistake_is_reported() {
        let folder = tempfile::tempdir().expect("a folder");
        let bad = folder.path().join("bad.json");
        std::fs::write(&bad, "{").expect("written");
        let empty = folder.path().join("empty");
        std::fs::create_dir(&empty).expect("made");
        let errors = find(&[bad, folder.path().join("none"), empty]).expect_err("errors");
        let said: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 3, "{said:?}");
        assert!(said[0].starts_with("no case files below "), "{said:?}");
        assert!(said[1].contains("bad.json:1:1: EOF while parsing"), "{said:?}");
        assert!(said[2].starts_with("cannot read "), "{said:?}");
    }
}
