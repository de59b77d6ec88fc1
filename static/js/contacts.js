// On the contacts page: the list and what stands beside it, without loading whole pages.
import "./beside.js";
import "./book.js";
import "./form.js";
import "./keys.js";
import "./list.js";
import "./photo/field.js";
import "./share.js";
