import ForetokenFiles
import Testing

@testable import ForetokenServing

@Suite struct JSONWriterTests {
    /// Any value written with the writer reads back as itself, doubles bitwise.
    @Test func everyValueReadsBack() throws {
        var random = SplitMix64(seed: 3)
        for _ in 0..<2000 {
            let value = Self.value(&random, depth: 4)
            var writer = JSONWriter()
            Self.write(value, to: &writer)
            let read = try JSONValue(parsing: writer.text, file: "")
            #expect(read == value)
            #expect(try writer.text == value.text())
        }
    }

    @Test func doublesAreExact() throws {
        var random = SplitMix64(seed: 4)
        for _ in 0..<20_000 {
            let number = Double(bitPattern: random.next())
            let text = JSONWriter.object { $0.number("x", number) }
            guard number.isFinite else {
                #expect(text == #"{"x":null}"#)
                continue
            }
            let read = try JSONNode(JSONValue(parsing: text, file: ""), file: "")["x"].double()
            #expect(read.bitPattern == number.bitPattern)
        }
    }

    private static func value(_ random: inout SplitMix64, depth: Int) -> JSONValue {
        switch random.next() % (depth > 0 ? 8 : 5) {
        case 0: return .null
        case 1: return .bool(random.next() % 2 == 0)
        case 2: return .integer(Int(truncatingIfNeeded: random.next()))
        case 3:
            let number = Double(bitPattern: random.next())
            return number.isFinite ? .number(number) : .number(0.5)
        case 4, 5: return .string(text(&random))
        case 6: return .array((0..<Int(random.next() % 4)).map { _ in value(&random, depth: depth - 1) })
        default:
            var object = JSONObject()
            for _ in 0..<Int(random.next() % 4) { object[text(&random)] = value(&random, depth: depth - 1) }
            return .object(object)
        }
    }

    private static func text(_ random: inout SplitMix64) -> String {
        var text = ""
        for _ in 0..<Int(random.next() % 6) {
            let value = UInt32(random.next() % (random.next() % 2 == 0 ? 0x80 : 0x11_0000))
            if let scalar = Unicode.Scalar(value) { text.unicodeScalars.append(scalar) }
        }
        return text
    }

    private static func write(_ value: JSONValue, to json: inout JSONWriter) {
        switch value {
        case .null: json.null()
        case .bool(let bool): json.raw(bool ? "true" : "false")
        case .integer(let integer): json.integer(integer)
        case .number(let number): json.number(number)
        case .string(let string): json.string(string)
        case .array(let elements): json.array { for element in elements { write(element, to: &$0) } }
        case .object(let object):
            json.object {
                for (key, value) in object {
                    $0.key(key)
                    write(value, to: &$0)
                }
            }
        }
    }
}
