use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::edit::applied;
use crate::mutants::{self, Mutant};

fn found(source: &str) -> Vec<Mutant> {
    mutants::find_all(&BTreeMap::from([(PathBuf::from("lib.rs"), source.to_owned())])).unwrap()
}

/// With every switch in it, without spaces that rustfmt would put elsewhere.
fn switched(source: &str) -> String {
    let checks = found(source);
    let text = applied(source, checks.iter().flat_map(|mutant| mutant.switched()));
    syn::parse_file(&text).expect(&text);
    text
}

#[test]
fn statements_that_check_are_put_under_a_condition() {
    assert_eq!(
        switched("fn f() -> u8 { require!(a, B); x.check_all().map_err(E::from)?; y.rules()?; let z = y.rules()?; }"),
        "fn f() -> u8 { if !crate::absent(0) { require!(a, B); } if !crate::absent(1) { x.check_all().map_err(E::from)?; } \
         if !crate::absent(2) { y.rules()?; } let z = y.rules()?; }"
    );
}

#[test]
fn an_arm_that_checks_does_nothing_without_it() {
    assert_eq!(
        switched("fn f() -> u8 { match a { None => require!(b, C), Some(_) => {} } }"),
        "fn f() -> u8 { match a { None => if !crate::absent(0) { require!(b, C) }, Some(_) => {} } }"
    );
}

#[test]
fn a_check_at_a_functions_end_gives_ok_without_it() {
    assert_eq!(
        switched("fn f() -> u8 { tokens::check_vault(a, b) }"),
        "fn f() -> u8 { if crate::absent(0) { Ok(()) } else { tokens::check_vault(a, b) } }"
    );
    assert_eq!(
        switched("fn f() -> u8 { Ok(job.invariant().map_err(E::from)?) }"),
        "fn f() -> u8 { if crate::absent(0) { Ok(()) } else { Ok(job.invariant().map_err(E::from)?) } }"
    );
    assert_eq!(switched("fn f() -> u8 { Ok(job.total()?) }"), "fn f() -> u8 { Ok(job.total()?) }");
}

#[test]
fn access_control_is_ok_without_it() {
    assert_eq!(
        switched("impl A { #[access_control(ctx.accounts.validate(&args))] fn f() -> u8 {} }"),
        "impl A { #[access_control((if crate::absent(0) { Ok(()) } else { ctx.accounts.validate(&args) }))] fn f() -> u8 {} }"
    );
}

#[test]
fn conditions_of_an_account_stay_where_they_are() {
    let source = "struct A<'info> { #[account(mut, address = C.0, has_one = k @ E::K, \
        constraint = a(&b)? == c.key() @ E::C,)] /// Doc.\n pub b: AccountLoader<'info, B>, k: u8 }";
    assert_eq!(
        switched(source),
        "struct A<'info> { #[account(mut, address = if crate::absent(0) { b.key() } else { C.0 }, \
         constraint = crate::absent(1) || b.load()?.k == k.key() @ E::K, \
         constraint = crate::absent(2) || (a(&b)? == c.key()) @ E::C,)] /// Doc.\n \
         pub b: AccountLoader<'info, B>, k: u8 }"
    );
}

#[test]
fn anchors_own_errors_stay_anchors() {
    assert_eq!(
        switched("struct A<'info> { #[account(has_one = k)] b: Account<'info, B> }")
            .split_once("constraint")
            .unwrap()
            .1,
        " = crate::absent(1) || b.k == k.key() @ anchor_lang::error::ErrorCode::ConstraintHasOne)] \
         b: Account<'info, B> }"
    );
}

#[test]
fn types_that_check_get_a_constraint_in_their_place() {
    assert_eq!(
        switched("struct A<'info> { #[account(mut)] pub k: Signer<'info>, p: Program<'info, Token> }"),
        "struct A<'info> { #[account(constraint = crate::absent(0) || k.is_signer \
         @ anchor_lang::error::ErrorCode::AccountNotSigner)] #[account(mut)] pub k: Signer<'info>, \
         #[account(constraint = crate::absent(1) || p.key() == <Token as anchor_lang::Id>::id() \
         @ anchor_lang::error::ErrorCode::InvalidProgramId)] p: UncheckedAccount<'info> }"
    );
}

#[test]
fn what_only_the_compiler_can_miss_is_taken_out() {
    let source = "struct A<'info> { #[account(mut, close = k, seeds = [a], bump, seeds::program = B)] \
        m: Account<'info, Mint> }";
    let checks = found(source);
    let without = |number: usize| applied(source, checks[number].built());
    assert_eq!(checks.len(), 3);
    assert_eq!(without(0), source.replace("Account<'info, Mint>", "UncheckedAccount<'info>"));
    assert_eq!(without(1), source.replace("close = k,", ""));
    assert_eq!(without(2), source.replace("seeds = [a], bump, seeds::program = B", "  "));
}

#[test]
fn an_order_that_switching_would_change_is_refused() {
    let source = "struct A<'info> { #[account(constraint = a, has_one = k)] b: AccountLoader<'info, B> }";
    let sources = BTreeMap::from([(PathBuf::from("lib.rs"), source.to_owned())]);
    assert!(mutants::find_all(&sources).unwrap_err().to_string().contains("has_one"));
}

#[test]
fn tests_hold_no_checks() {
    assert!(found("mod tests { fn f() -> u8 { require!(a, B); } }").is_empty());
}

#[test]
fn a_condition_is_tried_without_each_of_its_parts() {
    assert_eq!(
        switched("fn f() -> u8 { let a = b && (c || d); }"),
        "fn f() -> u8 { let a = (crate::absent(0) || (b)) && \
         (crate::absent(1) || (((!crate::absent(2) && (c)) || (!crate::absent(3) && (d))))); }"
    );
    assert_eq!(
        switched("fn f() -> u8 { require!(a && b.c(), D); }"),
        "fn f() -> u8 { if !crate::absent(0) { require!((crate::absent(1) || (a)) && (crate::absent(2) || (b.c())), D); } }"
    );
}

#[test]
fn comparisons_are_reversed_and_orders_lose_or_gain_their_bound() {
    assert_eq!(
        switched("fn f() -> u8 { let a = !(b == c); }"),
        "fn f() -> u8 { let a = (crate::absent(0) != (!((crate::absent(1) != (b == c))))); }"
    );
    assert_eq!(
        switched("fn f() -> u8 { let a = b < c && d; }"),
        "fn f() -> u8 { let a = (crate::absent(0) || ((crate::absent(2) != \
         ((if crate::absent(3) { b <= c } else { b < c }))))) && (crate::absent(1) || (d)); }"
    );
    assert_eq!(
        switched("fn f() -> u8 { require!(a >= b, C); }"),
        "fn f() -> u8 { if !crate::absent(0) { require!((if crate::absent(1) { a > b } else { a >= b }), C); } }"
    );
}

#[test]
fn functions_that_give_nothing_do_nothing() {
    assert_eq!(
        switched("impl A { fn f() -> Result<()> { a } fn g() { b } fn h() -> Result<u8> { c } const fn i() { d } }"),
        "impl A { fn f() -> Result<()> { if crate::absent(0) { return Ok(()); } a } \
         fn g() { if crate::absent(1) { return; } b } fn h() -> Result<u8> { c } const fn i() { d } }"
    );
}

#[test]
fn fields_of_a_new_account_are_forgotten() {
    assert_eq!(
        switched("fn f() -> A { B { c: d.e(), g, ..B::zeroed() } }"),
        "fn f() -> A { B { c: if crate::absent(0) { bytemuck::Zeroable::zeroed() } else { d.e() }, \
         g: if crate::absent(1) { bytemuck::Zeroable::zeroed() } else { g }, ..B::zeroed() } }"
    );
    assert_eq!(switched("fn f() -> A { B { c: d, ..e } }"), "fn f() -> A { B { c: d, ..e } }");
}

#[test]
fn the_doors_of_the_program_are_left_alone() {
    assert!(found("#[program] mod doors { fn f() -> Result<()> { g() } }").is_empty());
}
