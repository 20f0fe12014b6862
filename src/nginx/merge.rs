//! Inheritance: what was typed on a level, and the level above → what holds.

use super::conf::{Effective, LocationConf, MainConf, Settings};
use super::ffi::conf::{Conf, ConfError, Inherit};
use super::server::ServerConf;

impl Inherit for LocationConf {
    fn inherit(&self, parent: &Self, cf: &mut Conf<'_>) -> Result<(), ConfError> {
        // The level `http` has none above, so nginx does not merge it.
        let parent = parent.below(Settings::default());
        let effective = self.below(parent.settings.clone());
        if let Some(main) = cf.main_conf::<MainConf>() {
            main.levels.borrow_mut().push(effective.clone());
        }
        Ok(())
    }
}

impl LocationConf {
    fn below(&self, above: Settings) -> &Effective {
        self.effective.get_or_init(|| Effective::new(self.typed.below(above)))
    }
}

impl Inherit for ServerConf {
    fn inherit(&self, _: &Self, cf: &mut Conf<'_>) -> Result<(), ConfError> {
        self.names.set(cf.server_names()?).map_err(|_| ConfError::Duplicate)
    }
}
