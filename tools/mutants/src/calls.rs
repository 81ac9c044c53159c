//! What a call may be: one that only refuses, one that reads an account.

use syn::{Expr, GenericArgument, Macro, PathArguments, ReturnType, Type};

/// Functions whose result is a refusal or nothing.
const CHECKING: &[&str] = &["check", "validate", "invariant"];

pub fn is_require(one: &Macro) -> bool {
    one.path.get_ident().is_some_and(|name| name.to_string().starts_with("require"))
}

/// Whether its result is a refusal or nothing.
pub fn checks(expression: &Expr) -> bool {
    CHECKING.iter().any(|prefix| begins(expression, prefix))
}

/// Whether it reads an account, which refuses what no account may be.
pub fn reads(expression: &Expr) -> bool {
    begins(expression, "rules")
}

/// `Ok(account.invariant()?)`.
pub fn is_ok_of_a_check(expression: &Expr) -> bool {
    matches!(expression, Expr::Call(call) if begins(expression, "Ok")
        && matches!(call.args.first(), Some(Expr::Try(tried)) if checks(&tried.expr)))
}

/// Whether it calls a function whose name begins so, whatever becomes of the error.
pub fn begins(expression: &Expr, prefix: &str) -> bool {
    let name = match expression {
        Expr::MethodCall(call) if call.method == "map_err" => return begins(&call.receiver, prefix),
        Expr::MethodCall(call) => Some(call.method.to_string()),
        Expr::Call(call) => match &*call.func {
            Expr::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
            _ => None,
        },
        _ => None,
    };
    name.is_some_and(|name| name.starts_with(prefix))
}

/// What a function that gives nothing, or nothing but a refusal, returns when all is well.
pub fn result_of_nothing(output: &ReturnType) -> Option<&'static str> {
    let ReturnType::Type(_, result) = output else { return Some("") };
    let Type::Path(path) = &**result else { return None };
    let last = path.path.segments.last().filter(|segment| segment.ident == "Result")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first() {
        Some(GenericArgument::Type(Type::Tuple(unit))) if unit.elems.is_empty() => Some(" Ok(())"),
        _ => None,
    }
}
