import ForetokenFiles
import ForetokenFormats
public import Foundation
import Torch

/// The transfers of one rank's steps over time: as a file for Chrome's trace viewer (chrome://tracing,
/// ui.perfetto.dev), and as a one-line summary.
public final class StepTrace {
    private struct Event {
        let name: String
        let lane: Int
        let begin: Int
        let end: Int
        var details: [(String, JSONValue)] = []
    }

    /// Later steps are not recorded.
    private static let stepLimit = 100
    private let rank: Int
    private var steps = 0
    private var events: [Event] = []
    private var stepBegin = monotonicNanoseconds()
    /// Nanoseconds in which gradients were under way, and those of them in which nothing else was done.
    private var inFlight = 0
    private var exposed = 0
    private var firstSent = Int.max
    private var lastArrived = 0

    /// A trace of this rank.
    public init(rank: Int) { self.rank = rank }

    private var isRecording: Bool { steps < Self.stepLimit }

    func beginStep() { stepBegin = monotonicNanoseconds() }

    /// A bucket was reduced or broadcast.
    func transferred(_ name: String, bucket: Int, to owner: Int, _ tensor: Tensor, from begin: Int, to end: Int) {
        guard isRecording else { return }
        if name == "reduce" { (firstSent, lastArrived) = (min(firstSent, begin), max(lastArrived, end)) }
        let bytes = tensor.count * tensor.dtype.byteCount
        events.append(
            Event(
                name: "\(name) bucket \(bucket)", lane: 2 + bucket, begin: begin, end: end,
                details: [("bytes", .integer(bytes)), ("owner", .integer(owner))]))
    }

    /// The backward pass was done and gradients were still under way.
    func waited(from begin: Int, to end: Int) {
        guard isRecording else { return }
        events.append(Event(name: "forward and backward", lane: 0, begin: stepBegin, end: begin))
        events.append(Event(name: "wait for gradients", lane: 1, begin: begin, end: end))
        exposed += end - begin
        inFlight += max(0, lastArrived - firstSent)
        (firstSent, lastArrived) = (.max, 0)
        stepBegin = end
    }

    func endStep() {
        guard isRecording else { return }
        let now = monotonicNanoseconds()
        events.append(Event(name: "optimizer and weights", lane: 0, begin: stepBegin, end: now))
        steps += 1
    }

    /// How much of the transfers the backward pass hid.
    public var summary: String {
        func milliseconds(_ value: Int) -> String {
            String(format: "%.1f", Double(value) / 1e6 / Double(max(1, steps)))
        }
        let hidden = inFlight > 0 ? 100 * Double(max(0, inFlight - exposed)) / Double(inFlight) : 0
        return "\(steps) steps: gradients under way \(milliseconds(inFlight)) ms a step, waited for "
            + "\(milliseconds(exposed)) ms; \(Int(hidden.rounded()))% behind the backward pass"
    }

    /// Writes the events as Chrome's trace format, whole or not at all.
    ///
    /// - Throws: `JSONError`.
    public func write(to url: URL) throws {
        let origin = events.map(\.begin).min() ?? 0
        let list = events.map { event -> JSONValue in
            var object = JSONObject()
            object["name"] = .string(event.name)
            object["ph"] = "X"
            object["ts"] = .number(Double(event.begin - origin) / 1000)
            object["dur"] = .number(Double(event.end - event.begin) / 1000)
            object["pid"] = .integer(rank)
            object["tid"] = .integer(event.lane)
            if !event.details.isEmpty {
                var details = JSONObject()
                for (key, value) in event.details { details[key] = value }
                object["args"] = .object(details)
            }
            return .object(object)
        }
        try JSONValue.array(list).write(to: url)
    }
}
