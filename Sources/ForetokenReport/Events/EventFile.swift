import Foundation

/// A TensorBoard event file: length-prefixed records with masked CRC32C, each a protobuf `Event` of scalars.
///
/// The format is TensorFlow's (`tensorflow/core/lib/io/record_writer.h`, `tensorflow/core/util/event.proto`).
final class EventFile {
    private let handle: FileHandle
    private let clock: () -> Double
    /// The last wall time written; wall times never decrease, even if the system clock is set back.
    private var latest = 0.0

    /// Creates a run's only event file from the records that `replay` passes on (those kept in `metrics.jsonl`), and deletes
    /// older ones.
    ///
    /// Its name sorts after theirs and it starts a session at step 0: a running TensorBoard switches to it and drops steps
    /// that were lost with a killed process. The wall times of replayed records are taken from the old files.
    ///
    /// - Parameter clock: seconds since 1970.
    /// - Throws: file errors, and what `replay` throws.
    init(
        folder: URL, clock: @escaping () -> Double = { Date().timeIntervalSince1970 },
        replay: ((MetricsRecord) throws -> Void) throws -> Void
    ) throws {
        let old = Self.files(in: folder)
        let times = old.reduce(into: [Int: Double]()) { $0.merge(Self.times(in: $1)) { $1 } }
        let newest = old.compactMap { Int($0.lastPathComponent.split(separator: ".").dropFirst(3).first ?? "") }.max()
        let now = max(clock(), times.values.max() ?? 0)
        let number = max(Int(now), (newest ?? 0) &+ 1)
        let url = folder.appendingPathComponent("events.out.tfevents.\(String(format: "%010ld", number)).foretoken")
        try Data(Self.version(at: now) + Self.sessionStart(at: now)).write(to: url)
        handle = try FileHandle(forWritingTo: url)
        self.clock = clock
        latest = now
        try handle.seekToEnd()
        var pending = Data()
        try replay { record in
            pending += Self.record(record, at: times[record.step] ?? now)
            guard pending.count > 1 << 20 else { return }
            try handle.write(contentsOf: pending)
            pending.removeAll(keepingCapacity: true)
        }
        try handle.write(contentsOf: pending)
        for file in old { try? FileManager.default.removeItem(at: file) }
    }

    /// Appends a record in a single write.
    func append(_ record: MetricsRecord) throws {
        latest = max(latest, clock())
        try handle.write(contentsOf: Data(Self.record(record, at: latest)))
    }

    /// The event files that Foretoken wrote to a folder, oldest first.
    static func files(in folder: URL) -> [URL] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { $0.hasPrefix("events.out.tfevents.") && $0.hasSuffix(".foretoken") }.sorted()
            .map(folder.appendingPathComponent)
    }

    /// The scalars of a record as one framed event. Tags such as `loss/train/head1` group them by metric.
    static func record(_ record: MetricsRecord, at time: Double) -> [UInt8] {
        var summary = ProtobufWriter()
        for (name, value) in record.values {
            for scalar in value.scalars {
                var item = ProtobufWriter()
                item.write(1, "\(name)/\(record.kind)\(scalar.head.map { "/head\($0)" } ?? "")".utf8)
                item.write(2, Float(scalar.value))
                summary.write(1, item.bytes)
            }
        }
        return event(at: time, step: record.step) { $0.write(5, summary.bytes) }
    }

    private static func version(at time: Double) -> [UInt8] {
        event(at: time, step: 0) { $0.write(3, "brain.Event:2".utf8) }
    }

    private static func sessionStart(at time: Double) -> [UInt8] {
        var session = ProtobufWriter()
        session.write(1, 1)
        return event(at: time, step: 0) { $0.write(7, session.bytes) }
    }

    private static func event(at time: Double, step: Int, _ body: (inout ProtobufWriter) -> Void) -> [UInt8] {
        var event = ProtobufWriter()
        event.write(1, time)
        event.write(2, step)
        body(&event)
        return framed(event.bytes)
    }

    static func framed(_ data: [UInt8]) -> [UInt8] {
        let length = UInt64(data.count).littleEndianBytes
        return length + CRC32C.masked(length).littleEndianBytes + data + CRC32C.masked(data).littleEndianBytes
    }

    /// The wall time of each step in a file that Foretoken wrote, up to the first damaged record.
    static func times(in file: URL) -> [Int: Double] {
        guard let data = try? Data(contentsOf: file, options: .mappedIfSafe) else { return [:] }
        var (times, offset) = ([Int: Double](), 0)
        func integer<T: FixedWidthInteger>(at start: Int, _: T.Type) -> T {
            data.withUnsafeBytes { T(littleEndian: $0.loadUnaligned(fromByteOffset: start, as: T.self)) }
        }
        while data.count - offset >= 16 {
            let length = integer(at: offset, UInt64.self)
            guard length <= UInt64(data.count - offset - 16) else { break }
            let body = offset + 12
            let payload = data[body..<body + Int(length)]
            guard CRC32C.masked(payload) == integer(at: body + Int(length), UInt32.self), length >= 11,
                payload[body] == 0x09, payload[body + 9] == 0x10
            else { break }
            var (step, shift) = (UInt64(0), UInt64(0))
            for byte in payload[(body + 10)...] {
                step |= UInt64(byte & 0x7F) << shift
                shift += 7
                if byte < 0x80 || shift > 63 { break }
            }
            times[Int(truncatingIfNeeded: step)] = Double(bitPattern: integer(at: body + 1, UInt64.self))
            offset = body + Int(length) + 4
        }
        return times
    }
}
