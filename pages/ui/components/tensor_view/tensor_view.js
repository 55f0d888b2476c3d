// Streamlit draws a stage with this.

import { rendererOf } from "../mount/lifecycle.js";
import { Stage } from "./stage.js";

export default rendererOf((host) => new Stage(host));
