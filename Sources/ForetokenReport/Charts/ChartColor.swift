/// The colour of a series, chosen by its role.
public enum ChartColor: Sendable {
    /// An index into an ordered sequence, such as prediction heads; index 0 has the highest contrast in both themes.
    case ordered(Int, of: Int)
    /// An index into unordered categories; the ninth has the colour of the first with dashes.
    case category(Int)

    /// Hexadecimal colours for the light and the dark theme.
    var hex: (light: String, dark: String) {
        switch self {
        case .ordered(let index, let count):
            let fraction = Double(min(max(0, index), count - 1)) / Double(max(1, count - 1))
            return (Self.blend(Self.lightRamp, fraction), Self.blend(Self.darkRamp, fraction))
        case .category(let index):
            let pair = Self.categories[abs(index % Self.categories.count)]
            return (Self.hex(pair.0), Self.hex(pair.1))
        }
    }

    /// The SVG dash pattern that distinguishes categories of the same colour; nil for a solid line.
    var dashes: String? {
        guard case .category(let index) = self else { return nil }
        return [nil, "5 3", "1.5 2.5"][index / Self.categories.count % 3]
    }

    /// The number of distinguishable categories.
    static var categoryLimit: Int { 3 * categories.count }

    // Sections of matplotlib's plasma (Smith and van der Walt, CC0). Its lightness is monotone, so the order survives colour
    // blindness and greyscale print; each section keeps a contrast of 3:1 with its theme's background.
    private static let lightRamp: [UInt32] = [0x0D0887, 0x5B01A5, 0x9C179E, 0xCB4679, 0xE56B5D]
    private static let darkRamp: [UInt32] = [0xF0F921, 0xFDC328, 0xF89441, 0xE56B5D, 0xCB4679]

    // Okabe and Ito's palette, darkened or lightened to a contrast of 3:1 with the background.
    private static let categories: [(UInt32, UInt32)] = [
        (0x0072B2, 0x56B4E9), (0xD55E00, 0xF0803C), (0x008F68, 0x2CC79A), (0xB85C91, 0xDE93BC), (0x9A7400, 0xE6B422),
        (0x4B4FA8, 0x9A9EF0), (0x4D4D4D, 0xCCCCCC), (0x2188B8, 0xA6DDF5),
    ]

    private static func hex(_ value: UInt32) -> String {
        let digits = String(value, radix: 16)
        return "#" + String(repeating: "0", count: 6 - digits.count) + digits
    }

    /// Linear interpolation along a colour ramp.
    private static func blend(_ ramp: [UInt32], _ fraction: Double) -> String {
        let position = fraction * Double(ramp.count - 1)
        let index = min(Int(position), ramp.count - 2)
        let weight = position - Double(index)
        let channels = [16, 8, 0].map { shift -> UInt32 in
            let (a, b) = (Double(ramp[index] >> shift & 0xFF), Double(ramp[index + 1] >> shift & 0xFF))
            return UInt32((a + (b - a) * weight).rounded()) << shift
        }
        return hex(channels.reduce(0, |))
    }
}
