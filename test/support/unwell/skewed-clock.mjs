/** In the process whose id is in `SKEWED_ID` the wall clock jumps an hour back and forth, twice a second. */
const hourMs = 3_600_000;
const { now } = Date;
const id = process.env.SKEWED_ID;
if (id !== undefined && process.argv.includes(id)) {
  Date.now = () => now() + (Math.floor(performance.now() / 500) % 2 === 0 ? hourMs : -hourMs);
}
