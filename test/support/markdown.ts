const FENCE = /^```(\w*)[^\n]*\n(.*?)^```$/gms
const LINK = /\[[^\]]*\]\(([^)\s]+)\)/g
const HEADING = /^#{1,6} +(.+)$/gm

/** The code blocks of a page that are in one language, in order. */
export function codeBlocks(page: string, language: string): readonly string[] {
  return [...page.matchAll(FENCE)].filter(([, name]) => name === language).map(([, , code = '']) => code)
}

/** Where the links of a page point. */
export function linksOf(page: string): readonly string[] {
  return [...page.replace(FENCE, '').matchAll(LINK)].map(([, target = '']) => target)
}

/** The anchors of a page's headings, as code hosts make them. */
export function anchorsOf(page: string): readonly string[] {
  return [...page.replace(FENCE, '').matchAll(HEADING)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}
