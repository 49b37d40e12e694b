{{/* What each kind of source and sink needs; made by helm/generate.py. */}}
{{- define "cronocast.kinds" -}}
{
 "source": {
  "usual": "influxql",
  "family": {
   "influxql": "influxdb"
  },
  "required": {
   "influxql": [
    "url",
    "database"
   ]
  }
 },
 "sink": {
  "usual": "influx",
  "family": {
   "influx": "influxdb"
  },
  "required": {
   "influx": []
  },
  "taken": {
   "influx": [
    "url",
    "database"
   ]
  }
 }
}
{{- end }}
