// Where it all begins. Every page works without any of this; each module makes one thing pleasant.
import "./flashes.js";
import "./copy.js";
import { openDialogs } from "./dialogs.js";

openDialogs();

if (document.getElementById("pane")) {
  await Promise.all([import("./list.js"), import("./form.js")]);
  await import("./keys.js");
}
