//! Where the program checks something.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use proc_macro2::{Span, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, Field, Macro, Meta, Stmt, Type};

/// Of `#[account(…)]`: what says how an account is made or that it changes, and checks nothing.
const NOT_A_CHECK: &[&str] = &["mut", "init", "payer", "space", "zero", "zero_copy"];
/// Functions whose result is a refusal or nothing.
const CHECKING: &[&str] = &["check", "validate", "invariant"];
/// Types of accounts that check something by themselves.
const CHECKING_TYPES: &[&str] = &["Signer", "Program", "Account"];

/// One thing that may be taken away.
#[derive(Clone, Debug)]
pub struct Check {
    /// Relative to the repository.
    pub file: PathBuf,
    line: usize,
    text: String,
    bytes: Range<usize>,
    instead: &'static str,
}

impl Check {
    /// For people.
    pub fn name(&self) -> String {
        format!("{}:{}: {}", self.file.display(), self.line, self.text)
    }

    /// What is taken away.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its name, the same while lines above it come and go.
    pub fn key(&self) -> String {
        format!("{}: {}", self.file.display(), self.text)
    }

    pub fn removed_from(&self, source: &str) -> String {
        [&source[..self.bytes.start], self.instead, &source[self.bytes.end..]].concat()
    }
}

/// Every check below a folder of the repository.
pub fn find_all(root: &Path, folder: &str) -> Result<Vec<Check>> {
    let mut checks = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder)).with_context(|| folder.display().to_string())? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    for file in files {
        let source = fs::read_to_string(root.join(&file))?;
        let parsed = syn::parse_file(&source).with_context(|| file.display().to_string())?;
        let mut finder = Finder { file: &file, source: &source, checks: &mut checks };
        finder.visit_file(&parsed);
    }
    Ok(checks)
}

struct Finder<'a> {
    file: &'a Path,
    source: &'a str,
    checks: &'a mut Vec<Check>,
}

impl Finder<'_> {
    fn add(&mut self, span: Range<usize>, line: usize, instead: &'static str) {
        let text = self.source[span.clone()].split_whitespace().collect::<Vec<_>>().join(" ");
        let text = text.trim_end_matches(',').to_owned();
        self.checks.push(Check { file: self.file.to_owned(), line, text, bytes: span, instead });
    }

    fn add_span(&mut self, span: Span, instead: &'static str) {
        self.add(span.byte_range(), span.start().line, instead);
    }

    /// The clauses of `#[account(…)]`, each with the comma behind it.
    fn clauses(&mut self, tokens: TokenStream) {
        let mut clause = Vec::<TokenTree>::new();
        for token in tokens {
            let ends = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == ',');
            clause.push(token);
            if ends {
                self.clause(&std::mem::take(&mut clause));
            }
        }
        self.clause(&clause);
    }

    fn clause(&mut self, clause: &[TokenTree]) {
        let (Some(first), Some(last)) = (clause.first(), clause.last()) else { return };
        if !NOT_A_CHECK.contains(&first.to_string().as_str()) {
            let bytes = first.span().byte_range().start..last.span().byte_range().end;
            self.add(bytes, first.span().start().line, "");
        }
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if module.ident != "tests" {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        match &attribute.meta {
            Meta::List(list) if list.path.is_ident("account") => self.clauses(list.tokens.clone()),
            Meta::List(list) if list.path.is_ident("access_control") => self.add_span(attribute.span(), ""),
            _ => {}
        }
    }

    fn visit_field(&mut self, field: &'ast Field) {
        if let Type::Path(path) = &field.ty
            && let Some(segment) = path.path.segments.first()
            && CHECKING_TYPES.contains(&segment.ident.to_string().as_str())
            && segment.arguments.span().source_text().is_some_and(|text| text.contains("'info"))
        {
            self.add_span(field.ty.span(), "UncheckedAccount<'info>");
        }
        visit::visit_field(self, field);
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        match statement {
            Stmt::Macro(one) if is_require(&one.mac) => self.add_span(one.span(), ""),
            Stmt::Expr(Expr::Try(tried), Some(_)) if is_checking(&tried.expr) => self.add_span(statement.span(), ""),
            _ => {}
        }
        visit::visit_stmt(self, statement);
    }
}

fn is_require(one: &Macro) -> bool {
    one.path.get_ident().is_some_and(|name| name.to_string().starts_with("require"))
}

fn is_checking(expression: &Expr) -> bool {
    let name = match expression {
        Expr::MethodCall(call) if call.method == "map_err" => return is_checking(&call.receiver),
        Expr::MethodCall(call) => Some(call.method.to_string()),
        Expr::Call(call) => match &*call.func {
            Expr::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
            _ => None,
        },
        _ => None,
    };
    name.is_some_and(|name| CHECKING.iter().any(|prefix| name.starts_with(prefix)))
}
