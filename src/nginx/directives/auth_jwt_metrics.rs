//! Syntax:  `auth_jwt_metrics;`
//! Default: –
//! Context: `location`
//!
//! Not a directive of NGINX Plus. The location answers with metrics.

use super::{Conf, ConfError, LocationConf};
use crate::nginx::conf::MainConf;
use crate::nginx::metrics::Metrics;

pub fn set(cf: &mut Conf<'_>, conf: &LocationConf) -> Result<(), ConfError> {
    cf.once(&conf.metrics, |cf| {
        if let Some(main) = cf.main_conf::<MainConf>() {
            main.has_metrics.set(true);
        }
        cf.set_content_handler::<Metrics>()
    })
}
