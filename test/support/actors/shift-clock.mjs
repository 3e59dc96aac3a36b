/*
 * Loaded before everything else: moves `Date` by ROWCAST_TEST_CLOCK_SHIFT_MS, as on a machine whose clock is wrong.
 */
const shiftMs = Number(process.env.ROWCAST_TEST_CLOCK_SHIFT_MS ?? 0)
const RealDate = Date

if (shiftMs !== 0) {
  globalThis.Date = class extends RealDate {
    constructor(...parts) {
      if (parts.length === 0) super(RealDate.now() + shiftMs)
      else super(...parts)
    }

    static now() {
      return RealDate.now() + shiftMs
    }
  }
}
