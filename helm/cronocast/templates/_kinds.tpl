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
   "influx": "influxdb",
   "victoriametrics": ""
  },
  "required": {
   "influx": [],
   "victoriametrics": [
    "url"
   ]
  },
  "taken": {
   "influx": [
    "url",
    "database"
   ],
   "victoriametrics": []
  }
 }
}
{{- end }}
