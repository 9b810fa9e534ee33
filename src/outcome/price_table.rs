//! Prices by region as a data file: `config/prices.toml`, built in, or one of the user's own.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::price::{Price, PriceList, Tier};

/// Prices of all regions that are known, in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceTable {
    /// ISO 4217 code.
    pub currency: String,
    regions: BTreeMap<String, PriceList>,
}

/// Why a price file is not taken.
#[derive(Debug, thiserror::Error)]
pub enum PriceError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Something in the file.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        problem: Box<PriceError>,
    },
    /// Not TOML, or not in the form of a price file.
    #[error("{0}")]
    Form(#[from] toml::de::Error),
    /// A price that is none.
    #[error(
        "region.{region}.{key}: {text:?} is no price; write a decimal number in quotes with at most 12 digits after the point, as in \"0.06000\""
    )]
    Price {
        /// Region.
        region: String,
        /// Key.
        key: &'static str,
        /// What is written there.
        text: String,
    },
    /// Tiers that leave something without a price.
    #[error(
        "region.{region}.gb_hour: `up_to` must grow from tier to tier, and only the last tier, which has no end, goes without"
    )]
    Tiers {
        /// Region.
        region: String,
    },
    /// A currency that is no code.
    #[error("currency: {0:?} is no ISO 4217 code, as in \"USD\"")]
    Currency(String),
    /// No region at all.
    #[error("no region has prices; write a table [region.NAME]")]
    Empty,
}

impl PriceTable {
    /// The prices that expressway brings along.
    pub fn built_in() -> Self {
        // The tests read the file; a release cannot hold one that does not read.
        Self::read(BUILT_IN).unwrap_or_else(|_| Self {
            currency: "USD".to_owned(),
            regions: BTreeMap::from([("us-east-1".to_owned(), super::price::US_EAST_1)]),
        })
    }

    /// Reads a price file; an empty path is that of the prices that come along.
    ///
    /// # Errors
    /// [`PriceError`] with the file's name.
    pub fn load(path: &Path) -> Result<Self, PriceError> {
        if path.as_os_str().is_empty() {
            return Ok(Self::built_in());
        }
        let named = || path.to_owned();
        let text = std::fs::read_to_string(path)
            .map_err(|source| PriceError::Read { path: named(), source })?;
        Self::read(&text)
            .map_err(|problem| PriceError::File { path: named(), problem: Box::new(problem) })
    }

    /// Reads the text of a price file.
    ///
    /// # Errors
    /// [`PriceError`] for the first thing that is wrong.
    pub fn read(text: &str) -> Result<Self, PriceError> {
        let file: File = toml::from_str(text)?;
        let is_code =
            file.currency.len() == 3 && file.currency.bytes().all(|one| one.is_ascii_uppercase());
        if !is_code {
            return Err(PriceError::Currency(file.currency));
        }
        if file.region.is_empty() {
            return Err(PriceError::Empty);
        }
        let regions = file.region.into_iter().map(|(region, prices)| {
            let list = prices.into_list(&region)?;
            Ok((region, list))
        });
        Ok(Self { currency: file.currency, regions: regions.collect::<Result<_, PriceError>>()? })
    }

    /// The prices of a region, if they are known.
    pub fn region(&self, region: &str) -> Option<&PriceList> {
        self.regions.get(region)
    }

    /// Names of the regions with prices.
    pub fn region_names(&self) -> impl Iterator<Item = &str> {
        self.regions.keys().map(String::as_str)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    currency: String,
    #[serde(default)]
    region: BTreeMap<String, RegionPrices>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RegionPrices {
    #[serde(default)]
    name: String,
    requests_per_million: String,
    gb_hour: Vec<TierPrice>,
    transitions_per_million: String,
    free_transitions: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TierPrice {
    up_to: Option<u64>,
    price: String,
}

impl RegionPrices {
    fn into_list(self, region: &str) -> Result<PriceList, PriceError> {
        let price = |key, text: String| {
            Price::parse(&text).ok_or_else(|| PriceError::Price {
                region: region.to_owned(),
                key,
                text,
            })
        };
        let ends: Vec<Option<u64>> = self.gb_hour.iter().map(|tier| tier.up_to).collect();
        let last = ends.len().wrapping_sub(1);
        let is_graduated = ends.iter().enumerate().all(|(index, end)| match end {
            Some(end) => index != last && *end > 0 && (index == 0 || ends[index - 1] < Some(*end)),
            None => index == last,
        });
        if ends.is_empty() || !is_graduated {
            return Err(PriceError::Tiers { region: region.to_owned() });
        }
        let tiers = self.gb_hour.into_iter().map(|tier| {
            let per_gb_hour = price("gb_hour", tier.price)?;
            Ok(Tier { up_to_gb_hours: tier.up_to, per_gb_hour })
        });
        Ok(PriceList {
            region_name: Cow::Owned(if self.name.is_empty() {
                region.to_owned()
            } else {
                self.name
            }),
            per_million_requests: price("requests_per_million", self.requests_per_million)?,
            tiers: Cow::Owned(tiers.collect::<Result<_, PriceError>>()?),
            per_million_transitions: price(
                "transitions_per_million",
                self.transitions_per_million,
            )?,
            free_transitions: self.free_transitions,
        })
    }
}

const BUILT_IN: &str = include_str!("../../config/prices.toml");

#[cfg(test)]
mod tests {
    use super::super::price::US_EAST_1;
    use super::*;

    fn refused(text: &str) -> String {
        PriceTable::read(text).unwrap_err().to_string()
    }

    fn file(tiers: &str, request: &str) -> String {
        format!(
            "currency = \"EUR\"\n[region.eu-test-1]\nrequests_per_million = \"{request}\"\n\
             gb_hour = [{tiers}]\ntransitions_per_million = \"27.9\"\nfree_transitions = 0\n"
        )
    }

    #[test]
    fn the_file_that_comes_along_says_what_the_code_says() {
        let table = PriceTable::read(BUILT_IN).unwrap();
        assert_eq!(table.currency, "USD");
        assert_eq!(table.region("us-east-1"), Some(&US_EAST_1));
        assert_eq!(table.region("eu-west-1"), None);
        assert_eq!(table, PriceTable::built_in());
    }

    #[test]
    fn a_file_of_ones_own_has_its_currency_and_regions() {
        let table = PriceTable::read(&file("{ price = \"0.07\" }", "1.2")).unwrap();
        let prices = table.region("eu-test-1").unwrap();
        assert_eq!((table.currency.as_str(), &*prices.region_name), ("EUR", "eu-test-1"));
        assert_eq!(prices.per_million_requests.to_string(), "1.20");
        assert_eq!(table.region_names().collect::<Vec<_>>(), ["eu-test-1"]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(refused("currency = \"usd\"").contains("ISO 4217"));
        assert!(refused("currency = \"USD\"").contains("no region"));
        assert!(refused("currency = \"USD\"\nregions = 1").contains("unknown field"));
        let one = "{ price = \"0.07\" }";
        assert!(
            refused(&file(one, "1e0")).contains("region.eu-test-1.requests_per_million: \"1e0\"")
        );
        assert!(refused(&file("{ price = \"x\" }", "1")).contains("gb_hour"));
        let end = "{ up_to = 5, price = \"1\" }";
        for tiers in ["", end, "{ up_to = 0, price = \"1\" }, { price = \"1\" }"] {
            assert!(refused(&file(tiers, "1")).contains("must grow"), "{tiers}");
        }
        assert!(refused(&file(&format!("{end}, {end}, {one}"), "1")).contains("must grow"));
        assert!(refused(&file(&format!("{one}, {one}"), "1")).contains("must grow"));
    }
}
