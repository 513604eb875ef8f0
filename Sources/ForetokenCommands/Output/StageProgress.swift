import ForetokenReport

/// Progress of work in stages on standard error, with the time left.
final class StageProgress {
    private var stage = ""
    private var line: ProgressLine?
    private var begin = ContinuousClock.now
    private var first = 0

    func show(_ what: String, _ done: Int, _ total: Int) {
        if what != stage {
            line?.finish()
            (stage, line, begin, first) = (what, ProgressLine(total: total), .now, done)
        }
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        // The first step alone gives no rate.
        guard seconds > 0.2 else { return }
        let rate = Double(done - first) / seconds
        line?.show(
            done,
            "\(done)/\(total) \(what), \(Formatting.fixed(rate, 1))/s, \(Formatting.duration(Double(total - done) / rate)) left"
        )
    }

    func finish() { line?.finish() }
}
