import ForetokenFiles

extension BatchEngine {
    /// Runs requests side by side and hands over their texts in order.
    ///
    /// What the arguments are:
    /// - `lines`: the requests' numbers; each `samples` in a row from a multiple of it have one prompt, which runs once.
    ///   What is left of a group begun by an earlier run finds its prompt among the ended texts.
    /// - `request`: a line's request.
    /// - `goesOn`: asked before every line; false stops.
    /// - `body`: called with the line, its text and how it came about.
    ///
    /// - Throws: ``DecodingError``, ``DecodingError/outOfMemory(_:)``, what `body` throws.
    @ComputeActor
    public func runInOrder(
        _ lines: Range<Int>, samples: Int, request: (Int) -> GenerationRequest, goesOn: (Int) -> Bool,
        body: (Int, String, GenerationStatistics) throws -> Void
    ) async throws {
        // Enough ahead to keep the engine full; their texts wait for those before them.
        var ahead: [GenerationStream] = []
        var next = lines.lowerBound
        for line in lines {
            guard goesOn(line) else { return }
            while next < lines.upperBound, ahead.count < 2 * limits.sequences + samples {
                let own = request(next)
                if next.isMultiple(of: samples) {
                    let streams = try submit(own, samples: samples)
                    streams.forEach { $0.collect() }
                    ahead += streams
                    next += samples
                } else {
                    let stream = try submit(own)
                    stream.collect()
                    ahead.append(stream)
                    next += 1
                }
            }
            let stream = ahead.removeFirst()
            try body(line, try await stream.text(), await stream.statistics)
        }
    }
}
