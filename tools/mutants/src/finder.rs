//! Finds the mutants of one file.

mod accounts;
mod conditions;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::path::Path;

use anyhow::{Result, bail};
use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{
    Attribute, Block, Expr, ExprBinary, ExprMacro, ExprStruct, ExprUnary, Field, FieldValue, ImplItemFn, ItemFn,
    ItemMod, Meta, Signature, Stmt, UnOp,
};

use crate::edit::Edit;
use crate::mutants::{Mutant, Way};
use crate::{account_type, calls};

/// Stands for the switch in what is written below.
const ABSENT: &str = "ABSENT";
const ZERO: &str = "if ABSENT { bytemuck::Zeroable::zeroed() } else { ";

pub struct Finder<'a> {
    file: &'a Path,
    source: &'a str,
    mutants: Vec<Mutant>,
    /// A check that cannot be switched without being moved.
    moved: Option<String>,
}

impl<'a> Finder<'a> {
    /// Adds to those found in other files.
    pub fn new(file: &'a Path, source: &'a str, mutants: Vec<Mutant>) -> Self {
        Self { file, source, mutants, moved: None }
    }

    /// # Errors
    /// When switching a check would move it behind another.
    pub fn finish(self) -> Result<Vec<Mutant>> {
        match self.moved {
            Some(what) => bail!("{}: {what}", self.file.display()),
            None => Ok(self.mutants),
        }
    }

    /// The number of the next mutant.
    fn number(&self) -> usize {
        self.mutants.len()
    }

    fn add(&mut self, what: &str, place: Range<usize>, line: usize, way: Way) {
        let text = self.source[place].split_whitespace().collect::<Vec<_>>().join(" ");
        let text = format!("{what}{}", text.trim_end_matches(','));
        self.mutants.push(Mutant { number: self.number(), file: self.file.to_owned(), line, text, way });
    }

    fn switch(&mut self, what: &str, span: Span, edits: Vec<Edit>) {
        self.add(what, span.byte_range(), span.start().line, Way::Switched(edits));
    }

    /// Code with the switch's condition in the place of [`ABSENT`].
    fn code(&self, code: &str) -> String {
        code.replace(ABSENT, &format!("crate::absent({})", self.number()))
    }

    fn around(&mut self, what: &str, span: Span, before: &str, after: &str) {
        self.switch(what, span, Edit::around(span.byte_range(), self.code(before), after));
    }

    /// A function that only refuses or changes something, as if it did neither.
    fn function(&mut self, signature: &Signature, body: &Block) {
        if let Some(value) = calls::result_of_nothing(&signature.output) {
            let code = self.code(&format!(" if ABSENT {{ return{value}; }}"));
            let edit = Edit::insert(body.brace_token.span.open().byte_range().end, code);
            self.switch("does nothing: fn ", signature.ident.span(), vec![edit]);
        }
    }
}

impl Visit<'_> for Finder<'_> {
    /// Tests, and the doors of the program, behind each of which is one function.
    fn visit_item_mod(&mut self, module: &ItemMod) {
        if module.ident != "tests" && !module.attrs.iter().any(|attribute| attribute.path().is_ident("program")) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_fn(&mut self, function: &ItemFn) {
        // What the compiler runs has no environment.
        if function.sig.constness.is_none() {
            self.function(&function.sig, &function.block);
            visit::visit_item_fn(self, function);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &ImplItemFn) {
        if function.sig.constness.is_none() {
            self.function(&function.sig, &function.block);
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_attribute(&mut self, attribute: &Attribute) {
        if let Meta::List(list) = &attribute.meta
            && list.path.is_ident("access_control")
        {
            let before = self.code("(if ABSENT { Ok(()) } else { ");
            self.switch("", attribute.span(), Edit::around(list.tokens.span().byte_range(), before, " })"));
        }
    }

    fn visit_field(&mut self, field: &Field) {
        if let Some(way) = account_type::way(field, self.number()) {
            self.add("", field.ty.span().byte_range(), field.ty.span().start().line, way);
        }
        for attribute in &field.attrs {
            if let Meta::List(list) = &attribute.meta
                && list.path.is_ident("account")
            {
                self.account(list.tokens.clone(), field);
            }
        }
    }

    fn visit_stmt(&mut self, statement: &Stmt) {
        match statement {
            Stmt::Macro(one) if calls::is_require(&one.mac) => {
                self.around("", statement.span(), "if !ABSENT { ", " }");
                self.require(&one.mac);
            }
            Stmt::Expr(Expr::Try(tried), Some(_)) if calls::checks(&tried.expr) || calls::reads(&tried.expr) => {
                self.around("", statement.span(), "if !ABSENT { ", " }");
            }
            Stmt::Expr(last, None) if calls::checks(last) || calls::is_ok_of_a_check(last) => {
                self.around("", last.span(), "if ABSENT { Ok(()) } else { ", " }");
            }
            _ => {}
        }
        visit::visit_stmt(self, statement);
    }

    /// One that is the value of something: an arm of a `match`.
    fn visit_expr_macro(&mut self, expression: &ExprMacro) {
        if calls::is_require(&expression.mac) {
            self.around("", expression.span(), "if !ABSENT { ", " }");
            self.require(&expression.mac);
        }
    }

    fn visit_expr_binary(&mut self, expression: &ExprBinary) {
        self.condition(expression);
    }

    fn visit_expr_unary(&mut self, expression: &ExprUnary) {
        if matches!(expression.op, UnOp::Not(_)) {
            self.reversed(expression.span());
        }
        visit::visit_expr_unary(self, expression);
    }

    /// What a new account says of itself, each of it as if it had been forgotten.
    fn visit_expr_struct(&mut self, expression: &ExprStruct) {
        if expression.rest.as_ref().is_some_and(|rest| calls::begins(rest, "zeroed")) {
            for FieldValue { member, colon_token, expr, .. } in &expression.fields {
                let place = expr.span().byte_range();
                let name =
                    if colon_token.is_some() { String::new() } else { format!("{}: ", &self.source[place.clone()]) };
                let edits = Edit::around(place.clone(), name + &self.code(ZERO), " }");
                let text = member.span().byte_range().start..place.end;
                self.add("zero: ", text, member.span().start().line, Way::Switched(edits));
            }
        }
        visit::visit_expr_struct(self, expression);
    }
}
