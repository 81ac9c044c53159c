//! Accounts of an instruction, each with its clauses.

use proc_macro2::TokenStream;
use syn::Field;

use super::Finder;
use crate::account_type;
use crate::clause::{self, Clause, Kind, Loaded};
use crate::edit::Edit;
use crate::mutants::{Mutant, Way};

impl Finder<'_> {
    pub fn account(&mut self, tokens: TokenStream, field: &Field) {
        let name = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
        let loaded = Loaded { field: &name, is_loader: account_type::is_loader(&field.ty) };
        let mut constraint_before = false;
        for clause in clause::all(tokens) {
            // Anchor checks every `has_one` of an account before any `constraint`, in whatever order they
            // are written; switched, a `has_one` is a constraint.
            match clause.kind() {
                Kind::Constraint => constraint_before = true,
                Kind::HasOne if constraint_before => {
                    self.moved = Some(format!("write the `has_one` of `{name}` before its `constraint`"));
                }
                _ => {}
            }
            self.clause(&clause, &loaded);
        }
    }

    fn clause(&mut self, clause: &Clause, loaded: &Loaded) {
        let way = match clause.kind() {
            Kind::NoCheck => return,
            Kind::Constraint => Way::Switched(clause.switched_constraint(self.number())),
            Kind::Address => Way::Switched(clause.switched_address(self.number(), loaded)),
            Kind::HasOne => Way::Switched(clause.switched_has_one(self.number(), loaded, self.source)),
            Kind::Built => Way::Built(vec![Edit::replace(clause.with_comma(), "")]),
            Kind::PartOfTheLast => {
                if let Some(Mutant { way: Way::Built(edits), .. }) = self.mutants.last_mut() {
                    edits.push(Edit::replace(clause.with_comma(), ""));
                }
                return;
            }
        };
        self.add("", clause.with_comma(), clause.line(), way);
    }
}
