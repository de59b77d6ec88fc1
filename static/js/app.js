// On every page. Each page works without any of this; each module makes one thing pleasant.
import "./appearance.js";
import "./copy.js";
import "./dialogs.js";
import "./flashes.js";
import "./live.js";
import "./progress.js";
import "./times.js";
