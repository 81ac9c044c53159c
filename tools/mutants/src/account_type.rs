//! Types of accounts that check something by themselves.

use syn::spanned::Spanned;
use syn::{Field, GenericArgument, PathArguments, PathSegment, Type};

use crate::edit::Edit;
use crate::mutants::Way;

/// How the check in a field's type is taken away, where there is one.
pub fn way(field: &Field, number: usize) -> Option<Way> {
    let segment = segment(&field.ty)?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    let Some(GenericArgument::Lifetime(lifetime)) = arguments.args.first() else { return None };
    let whole = field.ty.span().byte_range();
    let unchecked = Edit::replace(whole, format!("UncheckedAccount<{lifetime}>"));
    let name = field.ident.as_ref()?;
    let constraint = |condition, error| {
        let condition = format!("crate::absent({number}) || {condition} @ anchor_lang::error::ErrorCode::{error}");
        Edit::insert(field.span().byte_range().start, format!("#[account(constraint = {condition})] "))
    };
    match segment.ident.to_string().as_str() {
        "Signer" => Some(Way::Switched(vec![constraint(format!("{name}.is_signer"), "AccountNotSigner")])),
        "Program" => {
            let program = arguments.args.get(1)?.span().source_text()?;
            let is_it = format!("{name}.key() == <{program} as anchor_lang::Id>::id()");
            Some(Way::Switched(vec![constraint(is_it, "InvalidProgramId"), unchecked]))
        }
        "Account" => Some(Way::Built(vec![unchecked])),
        _ => None,
    }
}

/// Whether an account's fields are read through `load`.
pub fn is_loader(of: &Type) -> bool {
    segment(of).is_some_and(|segment| segment.ident == "AccountLoader")
}

fn segment(of: &Type) -> Option<&PathSegment> {
    match of {
        Type::Path(path) => path.path.segments.first(),
        _ => None,
    }
}
