"""Uploads a file by pyrufh, and goes on where it broke: python3 rufh.py FOLDER URL FILE

FOLDER is where the package is.
"""

import sys

folder, url, file = sys.argv[1:]
sys.path.insert(0, folder)

from pyrufh import RufhClient, UploadAppendError  # noqa: E402

with open(file, "rb") as source:
    content = source.read()
with RufhClient() as client:
    upload = client.create_upload(url, b"", complete=False, length=len(content)).upload_resource
    try:
        client.append(upload, content, complete=True)
    except UploadAppendError:
        client.get_offset(upload)
        client.append(upload, content[upload.offset :], complete=True)
    assert upload.complete
    # All at once, onto what stands there now.
    client.upload(url, content)
print("stored")
