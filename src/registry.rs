//! The state machines that run: read from files, checked, compiled, immutable from then on.
//!
//! A program is never changed in place: executions hold the one they started with.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::asl::source::{Position, Source};
use crate::asl::{self, Diagnostic, Machine, MachineType, Rules};
use crate::base::ids::ExecutionSuffix;
use crate::compile;
use crate::program::{Image, World};

/// A definition file with its text, for messages that show the line.
#[derive(Clone, Debug)]
pub struct Definition {
    /// Where it was read from.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

/// A definition that can be run.
#[derive(Debug)]
pub struct Compiled {
    /// What runs.
    pub image: Image,
    /// What is hardly meant as it stands, in the order of the text.
    pub warnings: Vec<Diagnostic>,
}

/// Why a definition cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read the definition {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The definition has problems, each with its place.
    #[error("{} in the definition {}", count(diagnostics), definition.path.display())]
    Refused {
        /// The definition, for showing its lines.
        definition: Box<Definition>,
        /// All problems.
        diagnostics: Vec<Diagnostic>,
    },
    /// A limit of the bytecode.
    #[error("{}: {source}", path.display())]
    Compile {
        /// The file.
        path: PathBuf,
        /// The limit.
        source: compile::Error,
    },
}

impl Definition {
    /// Reads a definition file; bytes that are no UTF-8 are refused.
    ///
    /// # Errors
    /// [`Error::Read`] or [`Error::Refused`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes =
            std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        match asl::decode(&bytes) {
            Ok(text) => Ok(Self { path: path.to_owned(), text: text.to_owned() }),
            Err(diagnostic) => Err(Error::Refused {
                definition: Box::new(Self {
                    path: path.to_owned(),
                    text: String::from_utf8_lossy(&bytes).into_owned(),
                }),
                diagnostics: vec![diagnostic],
            }),
        }
    }

    /// Which text this is: the first 128 bits of its SHA-256 in UUID form, as AWS's `revisionId`
    /// looks.
    pub fn revision(&self) -> String {
        let mut first = [0; 16];
        first.copy_from_slice(&Sha256::digest(self.text.as_bytes())[..16]);
        ExecutionSuffix(first).to_string()
    }

    /// `QueryLanguage` of the machine, as metrics tell it; a state may have another one.
    pub fn query_language(&self) -> &'static str {
        #[derive(serde::Deserialize)]
        struct Top<'a> {
            #[serde(rename = "QueryLanguage", borrow)]
            query_language: Option<std::borrow::Cow<'a, str>>,
        }
        let top = serde_json::from_str::<Top<'_>>(&self.text).ok();
        match top.and_then(|top| top.query_language).as_deref() {
            Some("JSONata") => "JSONata",
            _ => "JSONPath",
        }
    }

    /// Checks and compiles the definition for a world in which tasks are mocked: any resource
    /// will do. `distributed` accepts Maps of that mode, which AWS refuses in Express machines.
    ///
    /// # Errors
    /// [`Error::Refused`] with every problem, or [`Error::Compile`].
    pub fn compile(&self, world: World, distributed: bool) -> Result<Compiled, Error> {
        self.compile_with(world, distributed, |_| Vec::new())
    }

    /// Checks and compiles the definition for a world in which tasks are called: what nothing
    /// here serves is refused. `distributed` as for [`Self::compile`].
    ///
    /// # Errors
    /// [`Error::Refused`] with every problem, or [`Error::Compile`].
    pub fn compile_served(&self, world: World, distributed: bool) -> Result<Compiled, Error> {
        self.compile_with(world, distributed, asl::check::service_refusals)
    }

    fn compile_with(
        &self,
        world: World,
        distributed: bool,
        refusals: fn(&Machine) -> Vec<Diagnostic>,
    ) -> Result<Compiled, Error> {
        let file = self.path.display().to_string();
        let refused =
            |diagnostics| Error::Refused { definition: Box::new(self.clone()), diagnostics };
        let rules = Rules { machine_type: MachineType::Express, distributed };
        let asl::Parsed { machine, diagnostics: mut found, .. } =
            asl::parse_as(&self.text, &file, rules);
        let Some(machine) = machine else { return Err(refused(found)) };
        let refusals = refusals(&machine);
        if !refusals.is_empty() {
            found.extend(refusals);
            found.sort_by_key(|diagnostic| diagnostic.span.start);
            return Err(refused(found));
        }
        let source = Source { file: &file, text: &self.text };
        let image = compile::compile(&machine, source, world)
            .map_err(|source| Error::Compile { path: self.path.clone(), source })?;
        // Without an error among them, all that was found are warnings.
        Ok(Compiled { image, warnings: found })
    }

    /// Where something was found in it.
    pub fn position(&self, diagnostic: &Diagnostic) -> Position {
        Source { file: "", text: &self.text }.position(diagnostic.span.start)
    }

    /// What was found in it as text for people, each with its place and line.
    pub fn render(&self, diagnostics: &[Diagnostic]) -> String {
        let file = self.path.display().to_string();
        let source = Source { file: &file, text: &self.text };
        diagnostics.iter().map(|one| asl::diagnostic::render(one, source) + "\n").collect()
    }

    /// What was found in it for programs, in the form of `validate --json`.
    pub fn to_json(&self, diagnostics: &[Diagnostic]) -> Vec<serde_json::Value> {
        let file = self.path.display().to_string();
        let source = Source { file: &file, text: &self.text };
        diagnostics.iter().map(|one| asl::diagnostic::json(one, source)).collect()
    }

    /// The file's name without directories and extensions: the default name of the machine.
    pub fn machine_name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        name.split('.').next().filter(|stem| !stem.is_empty()).unwrap_or("state-machine").to_owned()
    }
}

impl Error {
    /// How many problems it tells of; warnings beside them are none.
    pub fn problem_count(&self) -> usize {
        match self {
            Self::Refused { diagnostics, .. } => {
                diagnostics.iter().filter(|one| one.is_error()).count()
            }
            Self::Read { .. } | Self::Compile { .. } => 1,
        }
    }

    /// The problems as text for people: one with its place and line each, or one line.
    pub fn render(&self) -> String {
        match self {
            Self::Refused { definition, diagnostics } => definition.render(diagnostics),
            Self::Read { .. } | Self::Compile { .. } => format!("error: {self}\n"),
        }
    }
}

fn count(diagnostics: &[Diagnostic]) -> String {
    match diagnostics.len() {
        1 => "1 problem".to_owned(),
        count => format!("{count} problems"),
    }
}
