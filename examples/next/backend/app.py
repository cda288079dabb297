from flask import Flask, jsonify, request

app = Flask(__name__)
notes = ["Put the kettle on"]


@app.get("/api/notes")
def read():
    return jsonify(notes)


@app.post("/api/notes")
def add():
    notes.append(request.form["text"])
    return jsonify(notes), 201
