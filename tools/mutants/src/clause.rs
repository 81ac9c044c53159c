//! The clauses of `#[account(…)]`.

use std::ops::Range;

use proc_macro2::{TokenStream, TokenTree};

use crate::edit::Edit;

/// What says how an account is made or that it changes, and checks nothing.
const NO_CHECK: &[&str] = &["mut", "init", "payer", "space", "zero"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    NoCheck,
    Constraint,
    Address,
    HasOne,
    /// Code is made from it, not a condition.
    Built,
    /// `bump` and `seeds::program` mean nothing without the `seeds` before them.
    PartOfTheLast,
}

/// The account that a clause is about.
pub struct Loaded<'a> {
    pub field: &'a str,
    pub is_loader: bool,
}

/// One clause, with the comma behind it.
pub struct Clause {
    tokens: Vec<TokenTree>,
}

/// The clauses of one attribute.
pub fn all(tokens: TokenStream) -> Vec<Clause> {
    let mut clauses = Vec::new();
    let mut clause = Vec::<TokenTree>::new();
    for token in tokens {
        let ends = is_punct(&token, ',');
        clause.push(token);
        if ends {
            clauses.push(Clause { tokens: std::mem::take(&mut clause) });
        }
    }
    if !clause.is_empty() {
        clauses.push(Clause { tokens: clause });
    }
    clauses
}

impl Clause {
    pub fn kind(&self) -> Kind {
        let is_path = self.tokens.get(1).is_some_and(|token| is_punct(token, ':'));
        match self.tokens[0].to_string().as_str() {
            name if NO_CHECK.contains(&name) => Kind::NoCheck,
            "constraint" => Kind::Constraint,
            "address" => Kind::Address,
            "has_one" => Kind::HasOne,
            "seeds" if is_path => Kind::PartOfTheLast,
            "bump" => Kind::PartOfTheLast,
            _ => Kind::Built,
        }
    }

    pub fn line(&self) -> usize {
        self.tokens[0].span().start().line
    }

    pub fn with_comma(&self) -> Range<usize> {
        bytes(&self.tokens)
    }

    pub fn switched_constraint(&self, number: usize) -> Vec<Edit> {
        Edit::around(bytes(self.value()), format!("crate::absent({number}) || ("), ")")
    }

    pub fn switched_address(&self, number: usize, account: &Loaded) -> Vec<Edit> {
        let before = format!("if crate::absent({number}) {{ {}.key() }} else {{ ", account.field);
        Edit::around(bytes(self.value()), before, " }")
    }

    /// As Anchor writes it out, as a constraint.
    pub fn switched_has_one(&self, number: usize, account: &Loaded, source: &str) -> Vec<Edit> {
        let target = &source[bytes(self.value())];
        let error =
            self.error().map_or("anchor_lang::error::ErrorCode::ConstraintHasOne", |error| &source[bytes(error)]);
        let load = if account.is_loader { ".load()?" } else { "" };
        let field = account.field;
        let constraint =
            format!("constraint = crate::absent({number}) || {field}{load}.{target} == {target}.key() @ {error}");
        vec![Edit::replace(bytes(self.without_comma()), constraint)]
    }

    fn without_comma(&self) -> &[TokenTree] {
        match self.tokens.split_last() {
            Some((last, rest)) if is_punct(last, ',') => rest,
            _ => &self.tokens,
        }
    }

    /// Between `=` and `@`.
    fn value(&self) -> &[TokenTree] {
        let tokens = &self.without_comma()[2..];
        &tokens[..at(tokens)]
    }

    /// Behind `@`.
    fn error(&self) -> Option<&[TokenTree]> {
        let tokens = &self.without_comma()[2..];
        tokens.get(at(tokens) + 1..)
    }
}

fn at(tokens: &[TokenTree]) -> usize {
    tokens.iter().position(|token| is_punct(token, '@')).unwrap_or(tokens.len())
}

fn is_punct(token: &TokenTree, punct: char) -> bool {
    matches!(token, TokenTree::Punct(found) if found.as_char() == punct)
}

fn bytes(tokens: &[TokenTree]) -> Range<usize> {
    match (tokens.first(), tokens.last()) {
        (Some(first), Some(last)) => first.span().byte_range().start..last.span().byte_range().end,
        _ => 0..0,
    }
}
