//! Conditions, those of `require!` among them.

use proc_macro2::Span;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit;
use syn::{BinOp, Expr, ExprBinary, Macro, Token};

use super::Finder;
use crate::edit::Edit;

impl Finder<'_> {
    pub fn condition(&mut self, expression: &ExprBinary) {
        match expression.op {
            BinOp::And(_) | BinOp::Or(_) => {
                let before = if matches!(expression.op, BinOp::And(_)) { "(ABSENT || (" } else { "(!ABSENT && (" };
                for operand in [&expression.left, &expression.right] {
                    self.around("without: ", operand.span(), before, "))");
                }
                visit::visit_expr_binary(self, expression);
            }
            BinOp::Eq(_) | BinOp::Ne(_) => {
                self.reversed(expression.span());
                visit::visit_expr_binary(self, expression);
            }
            BinOp::Lt(_) | BinOp::Le(_) | BinOp::Gt(_) | BinOp::Ge(_) => {
                self.reversed(expression.span());
                self.order(expression);
            }
            _ => visit::visit_expr_binary(self, expression),
        }
    }

    pub fn reversed(&mut self, span: Span) {
        self.around("reversed: ", span, "(ABSENT != (", "))");
    }

    pub fn require(&mut self, one: &Macro) {
        let arguments = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(one.tokens.clone());
        // That a whole `require!` is absent says as much as its condition reversed.
        match arguments.iter().flatten().next() {
            Some(Expr::Binary(binary)) if matches!(binary.op, BinOp::And(_) | BinOp::Or(_)) => {
                self.condition(binary);
            }
            Some(Expr::Binary(binary)) => self.order(binary),
            _ => {}
        }
    }

    fn order(&mut self, expression: &ExprBinary) {
        match expression.op {
            BinOp::Lt(_) => self.bound(expression, "<="),
            BinOp::Le(_) => self.bound(expression, "<"),
            BinOp::Gt(_) => self.bound(expression, ">="),
            BinOp::Ge(_) => self.bound(expression, ">"),
            _ => {}
        }
    }

    /// An order with its bound taken in, or left out.
    fn bound(&mut self, expression: &ExprBinary, other: &str) {
        let place = expression.span().byte_range();
        let [left, right] = [&expression.left, &expression.right].map(|side| &self.source[side.span().byte_range()]);
        let code =
            self.code(&format!("(if ABSENT {{ {left} {other} {right} }} else {{ {} }})", &self.source[place.clone()]));
        self.switch(&format!("as {other}: "), expression.span(), vec![Edit::replace(place, code)]);
    }
}
