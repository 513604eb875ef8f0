import Foundation

@testable import ForetokenFormats

/// A file made by the `gguf` package; see Fixtures/gguf/make.py.
func ggufFixture(_ name: String) throws -> URL {
    struct NoFixtures: Error {}
    guard let folder = Bundle.module.resourceURL else { throw NoFixtures() }
    return folder.appendingPathComponent("Fixtures/gguf/\(name)")
}

/// The bytes of a GGUF file with any contents, right or wrong.
struct GGUFBytes {
    var bytes = Array("GGUF".utf8)

    init(version: UInt32 = 3, tensors: UInt64, values: UInt64) {
        number(version)
        number(tensors)
        number(values)
    }

    mutating func number<Integer: FixedWidthInteger>(_ value: Integer) {
        withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
    }

    mutating func string(_ text: [UInt8]) {
        number(UInt64(text.count))
        bytes += text
    }

    mutating func value(_ key: String, _ type: UInt32) {
        string(Array(key.utf8))
        number(type)
    }

    mutating func tensor(_ name: String, _ shape: [UInt64], _ type: UInt32, _ offset: UInt64) {
        string(Array(name.utf8))
        number(UInt32(shape.count))
        for size in shape { number(size) }
        number(type)
        number(offset)
    }

    mutating func pad(to alignment: Int = 32, then data: Int) {
        bytes += [UInt8](repeating: 0, count: (alignment - bytes.count % alignment) % alignment + data)
    }
}

/// Bytes in memory that stand for a file.
private final class Memory: @unchecked Sendable {
    let bytes: UnsafeMutableRawBufferPointer

    init(_ contents: [UInt8]) {
        bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: contents.count, alignment: 64)
        bytes.copyBytes(from: contents)
    }

    deinit { bytes.deallocate() }
}

extension GGUFFile {
    /// A file of the given bytes that lies in memory, exactly as long as they are.
    convenience init(bytes: [UInt8]) throws(GGUFError) {
        let memory = Memory(bytes)
        try self.init(
            parsing: UnsafeRawBufferPointer(memory.bytes), ownedBy: memory, url: URL(fileURLWithPath: "damaged.gguf"))
    }

    /// Reads everything that a file offers, right or wrong, and returns how much of it there was.
    func readEverything() throws -> Int {
        var found = 0
        for key in keys {
            found += (try? integer(key, in: .min ... .max)) ?? 0 == 0 ? 0 : 1
            found += (try? double(key)) == nil ? 0 : 1
            found += (try? bool(key)) == nil ? 0 : 1
            found += (try? bytes(key))?.count ?? 0
            found += (try? text(key))?.utf8.count ?? 0
            found += (try? strings(key))?.count ?? 0
            found += (try? integers(key))?.count ?? 0
            found += (try? floats(key))?.count ?? 0
        }
        for entry in entries {
            found += try withBytes(of: entry.name) { bytes in
                guard entry.type.isQuantized else { return bytes.reduce(0) { $0 &+ Int($1) } & 1 }
                return entry.type.expanded(bytes).count
            }
        }
        return found
    }
}

extension GGUFType {
    func expanded(_ bytes: UnsafeRawBufferPointer) -> [Float] {
        let count = bytes.count / blockBytes * blockSize
        return [Float](unsafeUninitializedCapacity: count) { floats, initialized in
            if let base = floats.baseAddress { expand(bytes, into: base) }
            initialized = count
        }
    }
}
