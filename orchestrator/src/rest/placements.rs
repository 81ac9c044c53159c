use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use millrace_link::rest;
use millrace_protocol::PricePerGpuHour;
use millrace_scheduler::{Candidate, Weights};

use super::jobs::of_owner;
use super::network::provider_name;
use super::{Authorized, Context, Refusal};
use crate::driver::Driver;

pub(super) async fn show(
    State(context): State<Arc<Context>>,
    Path(job): Path<String>,
    Authorized(key): Authorized,
) -> Result<Json<rest::Placements>, Refusal> {
    let placements = of_owner(&context, &job, key, |driver, _, entry| rest::Placements {
        weights: weights(driver.core.settings().weights),
        leases: entry
            .decisions()
            .map(|decision| rest::Placement {
                number: decision.number,
                chosen: scored(driver, &decision.chosen),
                runners_up: decision.runners_up.iter().map(|candidate| scored(driver, candidate)).collect(),
            })
            .collect(),
    });
    placements.await.map(Json)
}

fn weights(Weights { reputation, link, fast_link, image, packing, scarcity }: Weights) -> rest::Weights {
    rest::Weights { reputation, link, fast_link, image, packing, scarcity }
}

fn scored(driver: &Driver, candidate: &Candidate) -> rest::Scored {
    let score = candidate.score;
    let provider = driver.core.node(candidate.node).map(|node| node.view.provider);
    rest::Scored {
        node: candidate.node,
        provider_name: provider.map_or_else(String::new, |provider| provider_name(driver, provider)),
        failed_before: candidate.failed,
        price: PricePerGpuHour(score.price),
        reputation: PricePerGpuHour(score.reputation),
        link: PricePerGpuHour(score.link),
        image: PricePerGpuHour(score.image),
        packing: PricePerGpuHour(score.packing),
        scarcity: PricePerGpuHour(score.scarcity),
        total: PricePerGpuHour(score.total()),
    }
}
