import type { LineResult } from './line.js'
import { format, type Report } from './report.js'

const WIDTH = 860
const NAME_WIDTH = 260
const ROW = 20
const GAP = 34
const LINES = 'font-family="system-ui, sans-serif"'

/**
 * The table as bars, one group for each line; rowcast's dark, the others' light. Each group has a scale of its own, from
 * zero, since the lines count different things.
 */
export function toChart({ lines }: Report): string {
  let y = 8
  const groups: string[] = []
  for (const line of lines) {
    groups.push(drawLine(line, y))
    y += GAP + line.entries.length * ROW
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y}" viewBox="0 0 ${WIDTH} ${y}" role="img">`,
    '<title>rowcast beside the raw drivers and others</title>',
    `<rect width="${WIDTH}" height="${y}" fill="#ffffff"/>`,
    ...groups,
    '</svg>',
    '',
  ].join('\n')
}

function drawLine(line: LineResult, top: number): string {
  const values = line.entries.map(({ figures }) => figures[line.measure] ?? 0)
  const scale = (WIDTH - NAME_WIDTH - 120) / Math.max(...values, Number.MIN_VALUE)
  const title = `<text x="8" y="${top + 16}" ${LINES} font-size="13" font-weight="600" fill="#1f2933">${escapeXml(line.title)}</text>`
  const bars = line.entries.map(({ name }, index) =>
    drawBar(name, values[index] ?? 0, line.unit, scale, top + 24 + index * ROW),
  )
  return [title, ...bars].join('\n')
}

function drawBar(name: string, value: number, unit: string, scale: number, y: number): string {
  const length = Math.max(1, Math.round(value * scale))
  const color = name.startsWith('rowcast') ? '#1d4ed8' : '#9aa5b1'
  return [
    `<text x="${NAME_WIDTH - 8}" y="${y + 12}" ${LINES} font-size="12" text-anchor="end" fill="#3e4c59">${escapeXml(name)}</text>`,
    `<rect x="${NAME_WIDTH}" y="${y + 2}" width="${length}" height="${ROW - 7}" fill="${color}"/>`,
    `<text x="${NAME_WIDTH + length + 6}" y="${y + 12}" ${LINES} font-size="12" fill="#1f2933">${format(value)} ${escapeXml(unit)}</text>`,
  ].join('\n')
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
