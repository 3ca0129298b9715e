// Uploads a file by tus-js-client, and goes on where it broke: node tus.mjs FOLDER URL FILE [during]
// FOLDER is where the package is; with `during` the first request has the content.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const [folder, endpoint, file, during] = process.argv.slice(2)
const { Upload } = createRequire(folder + '/')('tus-js-client')

new Upload(readFileSync(file), {
  endpoint,
  protocol: 'ietf-draft-05',
  retryDelays: [0, 100, 1000],
  uploadDataDuringCreation: during === 'during',
  onSuccess: () => console.log('stored'),
  onError: (error) => {
    console.error(String(error))
    process.exitCode = 1
  },
}).start()
