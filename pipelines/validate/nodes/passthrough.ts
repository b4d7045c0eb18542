import { copyFileSync } from "node:fs";

copyFileSync("kdp_input.json", "kdp_output.json");
