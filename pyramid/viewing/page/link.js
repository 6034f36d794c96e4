// The view in the part of the address after #: one query for each pane, joined by "|".

/** Return the states of the panes in the address. */
export function readLink() {
  return location.hash
    .slice(1)
    .split("|")
    .map((text) => Object.fromEntries(new URLSearchParams(text)));
}

/** Put the states of the panes into the address. */
export function writeLink(states) {
  const text = states.map((state) => new URLSearchParams(state).toString()).join("|");
  history.replaceState(null, "", `#${text}`);
}

/** Return channels as a link and a tile have them. */
export function channelsText(channels) {
  return channels
    .map((channel, index) => ({ channel, index }))
    .filter(({ channel }) => channel.active)
    .map(({ channel, index }) =>
      [index, channel.color, channel.low, channel.high, channel.gamma, channel.inverted ? 1 : 0].join(":"),
    )
    .join(",");
}

/** Set channels to those of a link. */
export function applyChannels(channels, text) {
  for (const channel of channels) channel.active = false;
  for (const item of text.split(",")) {
    const [index, color, low, high, gamma, inverted] = item.split(":");
    const channel = channels[Number(index)];
    if (!channel || !/^[0-9a-f]{6}$/i.test(color)) continue;
    if (![low, high, gamma].every((value) => Number.isFinite(Number(value)))) continue;
    Object.assign(channel, { active: true, color, low: Number(low), high: Number(high) });
    Object.assign(channel, { gamma: Number(gamma), inverted: inverted === "1" });
  }
}
