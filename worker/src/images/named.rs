use millrace_agent::{Cause, Failure};

/// Makes sure that an image is asked for by a name, which belongs to a registry, and not by what may be the beginning
/// of an id: by that an engine finds any image that is on the rig, its owner's own included.
///
/// # Errors
/// [`Cause::ImageInvalid`].
pub(super) fn check(image: &str) -> Result<(), Failure> {
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_id = match image.split_once(':') {
        _ if image.starts_with('@') => true,
        _ if image.contains(['/', '@']) => false,
        Some((algorithm, _)) => matches!(algorithm, "sha256" | "sha384" | "sha512"),
        None => is_hex(image),
    };
    if is_id {
        return Err(Failure::new(Cause::ImageInvalid, format!("`{image}` may be an id, which is no name")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_an_id_is_no_name() {
        let id = "e7d92cdc71feacf90708cb59182d0df1b911f8ae022d29e8e95d75ca6a99776a";
        for image in [id, &id[..12], "e7", "a", &format!("sha256:{id}"), "sha256:e7", &format!("@sha256:{id}")] {
            assert_eq!(check(image).unwrap_err().cause, Cause::ImageInvalid, "{image}");
        }
        for image in ["alpine", "a:1", "cafe:latest", "a/b", "cafe@sha256:00", "localhost:5000/cafe", "sha256/a:1"] {
            assert!(check(image).is_ok(), "{image}");
        }
    }
}
