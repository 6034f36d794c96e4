// Open neuroglancer with the state of an image.

import { say } from "./elements.js";
import { address, ask } from "./server.js";

async function begin() {
  const given = Object.fromEntries(new URLSearchParams(location.search));
  const state = await ask("api/state", given);
  for (const layer of state.layers) layer.source = `zarr2://${address(layer.source)}`;
  const client = await fetch(address("3d/"), { method: "HEAD" });
  if (!client.ok) throw new Error("3D needs neuroglancer; install it with pip install 'ome-pyramid[view]'");
  location.replace(`${address("3d/")}#!${encodeURIComponent(JSON.stringify(state))}`);
}

begin().catch((error) => say(error.message, true));
