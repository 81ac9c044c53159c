//! Tries each mutant, and keeps count.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::edit::Edit;
use crate::mutants::{Mutant, Way};
use crate::trial::Tests;
use crate::{copy, trial};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Caught,
    Missed,
    /// Does not compile.
    Unviable,
}

pub struct Hunt<'a> {
    tree: &'a Path,
    target: &'a Path,
    sources: &'a BTreeMap<PathBuf, String>,
    /// All there are: each keeps its number, whichever are tried.
    all: &'a [Mutant],
    /// Reasons by a mutant's file and text, or by its text alone.
    known: BTreeMap<String, String>,
    /// Caught, missed, unviable.
    counts: [usize; 3],
    surprises: usize,
}

impl<'a> Hunt<'a> {
    pub fn new(
        tree: &'a Path,
        target: &'a Path,
        sources: &'a BTreeMap<PathBuf, String>,
        all: &'a [Mutant],
        known: BTreeMap<String, String>,
    ) -> Self {
        Self { tree, target, sources, all, known, counts: [0; 3], surprises: 0 }
    }

    /// How many survived without a reason.
    pub fn surprises(&self) -> usize {
        self.surprises
    }

    pub fn summary(&self) -> String {
        let [caught, missed, unviable] = self.counts;
        let all = caught + missed + unviable;
        format!("{all} mutants: {caught} caught, {missed} missed, {unviable} do not compile without")
    }

    /// Those that one build can switch off.
    ///
    /// # Errors
    /// When the sources with every switch in them do not compile, or fail a test with nothing switched off.
    pub fn switched(&mut self, chosen: &[&Mutant]) -> Result<()> {
        let tests = self.build(&[])?.context("the program does not compile with every switch in it")?;
        tests.baseline().context("the tests fail before anything is changed")?;
        for mutant in chosen.iter().filter(|mutant| matches!(mutant.way, Way::Switched(_))) {
            let caught = tests.any_fails(mutant.own_tests().as_deref(), &[mutant.number])?;
            self.report(mutant, if caught { Outcome::Caught } else { Outcome::Missed });
        }
        Ok(())
    }

    /// Those that need a build: of several files at once, and alone where that does not tell.
    ///
    /// # Errors
    /// When cargo or a test binary does not start.
    pub fn built(&mut self, chosen: &[&Mutant]) -> Result<()> {
        let is_built = |mutant: &&Mutant| matches!(mutant.way, Way::Built(_));
        let mut left: Vec<_> = chosen.iter().copied().filter(is_built).collect();
        let mut alone = Vec::new();
        while !left.is_empty() {
            let mut files = BTreeSet::new();
            let (together, later): (Vec<_>, _) = left.into_iter().partition(|mutant| files.insert(&mutant.file));
            left = later;
            let Some(tests) = self.build(&together)? else {
                alone.extend(together);
                continue;
            };
            for mutant in together {
                match mutant.own_tests() {
                    Some(module) if tests.module_fails(&module, &[])? => self.report(mutant, Outcome::Caught),
                    _ => alone.push(mutant),
                }
            }
        }
        for mutant in alone {
            let outcome = match self.build(&[mutant])? {
                None => Outcome::Unviable,
                Some(tests) if tests.any_fails(None, &[])? => Outcome::Caught,
                Some(_) => Outcome::Missed,
            };
            self.report(mutant, outcome);
        }
        Ok(())
    }

    fn build(&self, without: &[&Mutant]) -> Result<Option<Tests>> {
        let mut edits: Vec<(&Path, &[Edit])> =
            self.all.iter().map(|mutant| (mutant.file.as_path(), mutant.switched())).collect();
        edits.extend(without.iter().map(|mutant| (mutant.file.as_path(), mutant.built())));
        copy::change(self.tree, self.sources, &edits)?;
        trial::build(self.tree, self.target)
    }

    fn report(&mut self, mutant: &Mutant, outcome: Outcome) {
        self.counts[outcome as usize] += 1;
        let reason = self.known.get(&mutant.key()).or_else(|| self.known.get(&mutant.text));
        match (outcome, reason) {
            (Outcome::Caught, _) => println!("CAUGHT   {}", mutant.name()),
            (Outcome::Unviable, _) => println!("UNVIABLE {}", mutant.name()),
            (Outcome::Missed, Some(reason)) => println!("KNOWN    {}: {reason}", mutant.name()),
            (Outcome::Missed, None) => {
                self.surprises += 1;
                println!("MISSED   {}", mutant.name());
            }
        }
    }
}
