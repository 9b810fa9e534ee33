//! The prices of the configured region as the gauges that `/metrics` shows.

use tracing::warn;

use super::Error;
use crate::config::Settings;
use crate::metrics::Prices;
use crate::outcome::PriceTable;

/// Reads the price file. A region without prices has no gauges: that is no reason not to run.
pub(super) fn shown(settings: &Settings) -> Result<Option<Prices>, Error> {
    let aws = &settings.aws;
    let table = PriceTable::load(&aws.prices)
        .map_err(|error| Error::Settings(format!("aws.prices: {error}")))?;
    let Some(prices) = table.region(&aws.region) else {
        warn!(
            region = aws.region,
            "no prices for the region: /metrics shows none; add a table to a price file and name it in aws.prices"
        );
        return Ok(None);
    };
    let starts = prices.tiers.iter().filter_map(|tier| tier.up_to_gb_hours);
    let starts = std::iter::once(0).chain(starts);
    Ok(Some(Prices {
        region: aws.region.clone(),
        currency: table.currency.clone(),
        per_request: prices.per_million_requests.of_one(),
        per_transition: prices.per_million_transitions.of_one(),
        tiers: starts.zip(prices.tiers.iter().map(|tier| tier.per_gb_hour.to_string())).collect(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_of_the_region_or_none() {
        let mut settings = Settings::default();
        let prices = shown(&settings).unwrap().unwrap();
        assert_eq!(
            (prices.per_request.as_str(), prices.per_transition.as_str()),
            ("0.000001", "0.000025")
        );
        let tiers = [(0, "0.06"), (1_000, "0.03"), (5_000, "0.01642")];
        assert_eq!(prices.tiers, tiers.map(|(start, price)| (start, price.to_owned())));
        settings.aws.region = "eu-test-1".to_owned();
        assert_eq!(shown(&settings).unwrap(), None);
        settings.aws.prices = "no/such/file".into();
        let error = shown(&settings).unwrap_err().to_string();
        assert!(error.starts_with("aws.prices: cannot read no/such/file"), "{error}");
    }
}
