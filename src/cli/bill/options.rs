//! Options that would do nothing where they stand: said, instead of passed over in silence.

use super::{Args, Format};
use crate::cli::{Failure, USAGE};

/// Looks at what no single option shows by itself.
///
/// # Errors
/// [`USAGE`] with the first option that does not fit.
pub(super) fn check(args: &Args, format: Format) -> Result<(), Failure> {
    let refuse = |what: &str| Err(Failure::new(USAGE, what));
    let asks_for_tags = args.no_tags || !args.tags.is_empty();
    if asks_for_tags && format == Format::Focus {
        return refuse("--tag and --no-tags: rows of focus have all tags, in the column Tags");
    }
    if asks_for_tags && format.is_events() {
        return refuse(
            "--tag and --no-tags: events have all tags; --customer-tag says whose they are",
        );
    }
    if format.is_events() && (args.prices.is_some() || args.price_region.is_some()) {
        return refuse("--prices and --price-region: events hold usage and no money");
    }
    if args.customer_tag.is_some() && !format.is_events() {
        return refuse("--customer-tag is for the formats openmeter and lago; did you mean --tag?");
    }
    let is_twice = |(index, key): (usize, &String)| args.tags[..index].contains(key);
    if args.tags.iter().enumerate().any(is_twice) {
        return refuse("--tag names the same tag twice");
    }
    let reads_topics = !args.topics.is_empty() || args.config.is_some();
    if !reads_topics && (!args.client.is_empty() || args.timeout.is_some()) {
        return refuse("--client and --timeout are for topics, and only files are read");
    }
    Ok(())
}
